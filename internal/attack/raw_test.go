//go:build linux

package attack

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"
)

// patience is how long a test waits for what a server does by a limit of its
// own. No test asserts that something is quick.
const patience = 100 * time.Second

// open opens a connection that ends with the test.
func (s *server) open(t testing.TB) net.Conn {
	t.Helper()
	c, err := s.dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if s.tls {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw sends these bytes and gives everything until the server closes.
func (s *server) raw(t testing.TB, text string) string {
	t.Helper()
	c := s.open(t)
	_, _ = io.WriteString(c, text) // the server may have closed already
	b, err := io.ReadAll(c)
	if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // what package net returns
		t.Errorf("the server keeps the connection open after %.100q", text)
	}
	for _, h := range s.search(b) {
		t.Errorf("the answer to %.100q holds a value: %v", text, h)
	}
	return string(b)
}
