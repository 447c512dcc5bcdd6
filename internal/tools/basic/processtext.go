package basic

import (
	"context"
	"unicode/utf8"

	"github.com/invopop/jsonschema"
	"github.com/rivo/uniseg"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"toolpit/internal/tools"
)

type processTextIn struct {
	Text      string `json:"text" jsonschema:"maxLength=65536" jsonschema_description:"The text."`
	Operation string `json:"operation" jsonschema:"default=upper,enum=upper,enum=lower,enum=reverse,enum=length" jsonschema_description:"What to do with it."`
}

type processTextOut struct {
	Original  string `json:"original"`
	Operation string `json:"operation"`
	Result    any    `json:"result"` // a string, or a textLength
}

// textLength counts a text in three ways.
type textLength struct {
	Bytes     int `json:"bytes" jsonschema_description:"In UTF-8."`
	Runes     int `json:"runes" jsonschema_description:"Unicode code points."`
	Graphemes int `json:"graphemes" jsonschema_description:"What readers see as characters."`
}

// JSONSchemaExtend says what the result can be.
func (processTextOut) JSONSchemaExtend(s *jsonschema.Schema) {
	reflector := jsonschema.Reflector{DoNotReference: true, Anonymous: true, ExpandedStruct: true, AllowAdditionalProperties: true}
	length := reflector.Reflect(textLength{})
	length.Version = ""
	s.Properties.Set("result", &jsonschema.Schema{
		Description: "The changed text; for length an object with three counts.",
		OneOf:       []*jsonschema.Schema{{Type: "string"}, length},
	})
}

var processText = tools.New("process_text", "Changes the case of a text, reverses it or counts it.",
	func(_ context.Context, _ *tools.Call, in processTextIn) (processTextOut, error) {
		out := processTextOut{Original: in.Text, Operation: in.Operation}
		switch in.Operation {
		case "upper":
			out.Result = cases.Upper(language.Und).String(in.Text)
		case "lower":
			out.Result = cases.Lower(language.Und).String(in.Text)
		case "reverse":
			out.Result = uniseg.ReverseString(in.Text) // by grapheme clusters: accents stay on their letters
		case "length":
			out.Result = textLength{len(in.Text), utf8.RuneCountInString(in.Text), uniseg.GraphemeClusterCount(in.Text)}
		}
		return out, nil
	},
	tools.ReadOnly(), tools.Idempotent(), tools.WithCost(tools.CPU),
	tools.Example("upper case", `{"text":"Straße"}`,
		tools.Gives(`{"original":"Straße","operation":"upper","result":"STRASSE"}`)),
	tools.Example("reversed", `{"text":"noe\u0308l","operation":"reverse"}`,
		tools.Gives(`{"original":"noe\u0308l","operation":"reverse","result":"le\u0308on"}`)),
	tools.Example("counted", `{"text":"noe\u0308l","operation":"length"}`,
		tools.Gives(`{"original":"noe\u0308l","operation":"length","result":{"bytes":6,"runes":5,"graphemes":4}}`)),
)
