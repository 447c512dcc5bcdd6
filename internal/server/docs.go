package server

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5/static"
	"github.com/swaggest/swgui/v5emb"

	"toolpit/api"
)

// assetRoute is where Swagger UI's files are. It is the only route that is not
// in the API document.
const assetRoute = "/docs/*"

// Policies of the two pages. Swagger UI brings a script and styles inside its
// page and draws its icons from data URLs; neither page may reach any other
// host.
const (
	uiPolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
		"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	errorsPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// ui is Swagger UI.
type ui struct {
	handler http.Handler
	files   map[string]bool // paths
}

func newUI() *ui {
	u := &ui{
		handler: v5emb.NewHandlerWithConfig(swgui.Config{
			Title:       "Toolpit",
			SwaggerJSON: "/openapi.json",
			BasePath:    "/docs",
			SettingsUI: map[string]string{
				"deepLinking":              "true",
				"tryItOutEnabled":          "true",
				"defaultModelsExpandDepth": "0",
				"displayRequestDuration":   "true",
			},
		}),
		files: map[string]bool{},
	}
	entries, _ := fs.ReadDir(static.FS, ".") // it is embedded: reading it cannot fail
	for _, e := range entries {
		u.files["/docs/"+strings.TrimSuffix(e.Name(), ".gz")] = true
	}
	return u
}

// asset serves one of Swagger UI's files.
func (u *ui) asset(w http.ResponseWriter, r *http.Request) {
	if !u.files[r.URL.Path] {
		routeNotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-cache") // the files have ETags
	u.handler.ServeHTTP(w, r)
}

// uiPage is the page of Swagger UI.
type uiPage struct{ ui *ui }

// VisitGetDocsResponse sends the page.
func (p uiPage) VisitGetDocsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Security-Policy", uiPolicy)
	w.Header().Set("Cache-Control", "no-cache")
	p.ui.handler.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/docs"}})
	return nil
}

// GetDocs serves Swagger UI.
func (s *service) GetDocs(context.Context, api.GetDocsRequestObject) (api.GetDocsResponseObject, error) {
	return uiPage{s.ui}, nil
}

// errorsPage is the page that explains the codes.
type errorsPage struct{ content []byte }

// VisitGetErrorDocsResponse sends the page.
func (p errorsPage) VisitGetErrorDocsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Security-Policy", errorsPolicy)
	return api.GetErrorDocs200TextHTMLResponse{
		Body:          bytes.NewReader(p.content),
		ContentLength: int64(len(p.content)),
		Headers:       api.GetErrorDocs200ResponseHeaders{CacheControl: new("no-cache")},
	}.VisitGetErrorDocsResponse(w)
}

// GetErrorDocs serves the page that explains the codes.
func (s *service) GetErrorDocs(context.Context, api.GetErrorDocsRequestObject) (api.GetErrorDocsResponseObject, error) {
	return errorsPage{s.errors}, nil
}
