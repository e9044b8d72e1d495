package wire

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"keyfob/internal/core"
)

// Get makes a GET of Keyfob's own, which says so.
func Get(path, query string) *http.Request {
	return &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: query},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"keyfob"}},
	}
}

// Models reads the names from an object whose member list is an array of
// objects with the name in field, less prefix. An answer without that member
// has no names.
func Models(body []byte, list, field, prefix string) ([]string, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, core.Errorf(core.Unavailable, "the list of models is not JSON").Wrap(err)
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(doc[list], &items) != nil {
		return nil, nil
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		var name string
		if json.Unmarshal(item[field], &name) == nil && name != "" {
			names = append(names, strings.TrimPrefix(name, prefix))
		}
	}
	return names, nil
}
