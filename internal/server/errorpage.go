package server

import (
	"bytes"
	"html/template"

	"toolpit/internal/fault"
)

// errorPage renders /docs/errors from the table that problems are made of.
func errorPage() ([]byte, error) {
	type section struct {
		Anchor, Code, Title, ErrorType, Cause, Cure string
		Status                                      int
		Retryable                                   bool
	}
	var sections []section
	for _, code := range fault.Codes() {
		k := kindOf(code)
		sections = append(sections, section{
			Anchor: k.anchor(), Code: string(code), Title: k.title, ErrorType: k.errorType, Cause: k.cause, Cure: k.cure,
			Status: k.status, Retryable: k.retryable,
		})
	}
	var page bytes.Buffer
	if err := errorTemplate.Execute(&page, sections); err != nil {
		return nil, err
	}
	return page.Bytes(), nil
}

var errorTemplate = template.Must(template.New("errors").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Toolpit - errors</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h2 { margin: 2.5rem 0 .25rem; font-size: 1.1rem; }
h2 a { color: inherit; text-decoration: none; }
section:target { background: #fff6d6; outline: .5rem solid #fff6d6; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: #666; }
dd { margin: 0; }
code { font-family: ui-monospace, monospace; }
</style>
</head>
<body>
<h1>Errors</h1>
<p>Every error is an <code>application/problem+json</code> document. Its <code>code</code> is stable and is what a program
should look at; its <code>type</code> links to a section below. <a href="/docs">The routes</a> are documented elsewhere.</p>
{{range .}}<section id="{{.Anchor}}">
<h2><a href="#{{.Anchor}}"><code>{{.Code}}</code></a></h2>
<dl>
<dt>Title</dt><dd>{{.Title}}</dd>
<dt>Status</dt><dd>{{.Status}}</dd>
<dt>error_type</dt><dd><code>{{.ErrorType}}</code></dd>
<dt>Cause</dt><dd>{{.Cause}}</dd>
<dt>What to do</dt><dd>{{.Cure}}</dd>
<dt>Retryable</dt><dd>{{if .Retryable}}yes: the same request may succeed later{{else}}no: something has to change first{{end}}</dd>
</dl>
</section>
{{end}}</body>
</html>
`))
