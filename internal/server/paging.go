package server

import (
	"fmt"
	"net/url"
	"strconv"

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
	if raw == "" {
		return nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return fault.New(fault.InvalidRequest, "The query cannot be read.")
	}
	for _, limit := range query["limit"] {
		if n, err := strconv.Atoi(limit); err != nil || strconv.Itoa(n) != limit {
			return refuseParameter("limit", limitRule)
		}
	}
	return nil
}

const limitRule = "is a number from 1 to 1000"

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

// nextLink is the Link header of a page that another one follows.
func nextLink(path string, limit int, cursor string) *string {
	if cursor == "" {
		return nil
	}
	return new(fmt.Sprintf(`<%s?limit=%d&cursor=%s>; rel="next"`, path, limit, url.QueryEscape(cursor)))
}
