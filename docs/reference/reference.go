// Package reference carries the generated reference of the HTTP API, so that a
// server can show just the one that its source describes.
package reference

import _ "embed"

//go:embed openapi.json
var openAPI []byte

// OpenAPI is the API's description in OpenAPI 3.1, as JSON. It is not to be
// changed.
func OpenAPI() []byte { return openAPI }
