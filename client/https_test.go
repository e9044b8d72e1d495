package client_test

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/client"
)

func TestPlainHTTPToAServerOfTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	_, err := client.New(client.Options{BaseURL: strings.Replace(s.URL, "https:", "http:", 1)}).Me(t.Context())
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeInvalid || !strings.Contains(e.Hint, "https://") {
		t.Errorf("got %v", err)
	}
}
