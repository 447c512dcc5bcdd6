package binary

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

type embeddingIn struct {
	Text       string             `json:"text" jsonschema:"minLength=1,maxLength=65536"`
	Dimensions int                `json:"dimensions" jsonschema:"minimum=1,maximum=4096"`
	Name       tools.VariableName `json:"name" jsonschema_description:"Of the embedding variable; one that is there gets a new version."`
	Normalize  bool               `json:"normalize" jsonschema:"default=true" jsonschema_description:"Scale the vector to the norm 1."`
}

type embeddingOut struct {
	Name       string  `json:"name"`
	Dimensions int     `json:"dimensions"`
	Norm       float64 `json:"norm" jsonschema_description:"Euclidean, of the vector as it is stored."`
	SizeBytes  int     `json:"size_bytes" jsonschema_description:"As it is stored."`
	Encoding   string  `json:"encoding" jsonschema_description:"How the store has the vector: json is an array of numbers as short as reads back to the same bits."`
	Version    int64   `json:"version"`
	Created    bool    `json:"created"`
}

var createEmbedding = tools.New("create_embedding",
	"Makes a vector of a text, by hashing its words and their character n-grams, and stores it as a variable. Texts that share words or spellings are near each other.",
	func(ctx context.Context, c *tools.Call, in embeddingIn) (embeddingOut, error) {
		vector := embed(in.Text, in.Dimensions)
		if euclidean(vector) == 0 {
			return embeddingOut{}, tools.Refuse("/text", fault.ConstraintViolation,
				"Expected a text with words that do not cancel each other out in so few dimensions.")
		}
		if in.Normalize {
			unit(vector)
		}
		raw, err := json.Marshal(vector)
		if err != nil {
			return embeddingOut{}, err
		}
		// As JSON, so that an existing variable's dtype applies to it.
		content := store.Content{JSON: raw, Type: value.Embedding}
		applied, err := c.Apply(ctx, store.PutContent(string(in.Name), content))
		if err != nil {
			return embeddingOut{}, blame(err, "/dimensions")
		}
		r := applied.Results[0]
		stored, ok := r.Value.Floats()
		if !ok {
			return embeddingOut{}, fmt.Errorf("the embedding became %s", r.Value.Type())
		}
		return embeddingOut{
			Name: r.Name, Dimensions: len(stored), Norm: euclidean(stored), SizeBytes: len(r.Value.JSON()),
			Encoding: "json", Version: r.Version, Created: !r.Existed,
		}, nil
	},
	tools.InSession(), tools.WithCost(tools.CPU),
	tools.Example("a sentence", `{"name":"greeting","text":"Hello, world","dimensions":64}`),
	tools.Example("the weights themselves", `{"name":"greeting","text":"Hello, world","dimensions":64,"normalize":false}`),
	tools.Example("no words", `{"name":"greeting","text":"…!","dimensions":64}`, tools.Fails(fault.ConstraintViolation)),
)
