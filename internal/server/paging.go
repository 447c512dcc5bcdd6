package server

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// Bounds of a page.
const (
	defaultPage = 100
	maxPage     = 1000
	maxCursor   = 1024
)

// checkQuery refuses what the generated code lets pass: a query with bad
// escapes, whose parameters would silently be dropped, and a limit such as +5.
// Errors: InvalidRequest.
func checkQuery(raw string) error {
	_, err := queryOf(raw)
	return err
}

// queryOf is checkQuery for those who look for more in the query.
func queryOf(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fault.New(fault.InvalidRequest, "The query cannot be read.")
	}
	for name, texts := range query {
		if !utf8.ValidString(name) || slices.ContainsFunc(texts, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, fault.New(fault.InvalidRequest, "The query is not UTF-8.")
		}
	}
	return query, checkNumber(query, "limit", limitRule)
}

// checkNumber refuses a number that is written in any way but the usual.
func checkNumber(query url.Values, name, rule string) error {
	for _, text := range query[name] {
		if n, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(n, 10) != text {
			return refuseParameter(name, rule)
		}
	}
	return nil
}

const (
	limitRule   = "is a number from 1 to 1000"
	versionRule = "is a version, which is a number from 1 on"
)

// page is what a list was asked for. Errors: InvalidRequest.
func page(limit *int, cursor *string) (store.Page, error) {
	p := store.Page{Limit: defaultPage}
	if limit != nil {
		p.Limit = *limit
	}
	if p.Limit < 1 || p.Limit > maxPage {
		return p, refuseParameter("limit", limitRule)
	}
	if cursor == nil {
		return p, nil
	}
	if *cursor == "" || len(*cursor) > maxCursor {
		return p, refuseCursor()
	}
	p.Cursor = *cursor
	return p, nil
}

func refuseCursor() *fault.Error {
	return refuseParameter("cursor", "is not the next_cursor of an earlier page")
}

// nextLink is the Link header of a page that another one follows, to which the
// same filters apply.
func nextLink(path string, limit int, cursor string, filters url.Values) *string {
	if cursor == "" {
		return nil
	}
	more := ""
	if len(filters) > 0 {
		more = "&" + filters.Encode()
	}
	return new(fmt.Sprintf(`<%s?limit=%d&cursor=%s%s>; rel="next"`, path, limit, url.QueryEscape(cursor), more))
}

// What our cursors begin with: it tells one list's from another's, and this form
// of them from other texts.
const (
	toolCursor     = "tool:"
	variableCursor = "variable:"
)

// cursorAfter is the cursor of what comes after a name.
func cursorAfter(prefix, name string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(prefix + name))
}

func nameIn(prefix, cursor string) (name string, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(text), prefix)
}
