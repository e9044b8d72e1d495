package httpapi

import (
	"context"
	"net/http"

	"keyfob/docs/reference"
)

func (s *Server) documentRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/openapi.json", ID: "getOpenAPI", Tag: "this document", Summary: "The API in OpenAPI 3.1",
			Who: Anybody, Status: http.StatusOK, Type: "application/json", typed: writes(s.openAPI)},
	}
}

func (s *Server) openAPI(_ context.Context, c *call) error {
	c.begin()
	c.status = http.StatusOK
	c.w.Header().Set("Content-Type", c.route.Type)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(reference.OpenAPI())
	}
	return nil
}
