// Package keyfobtest is the public test kit: a real HTTP server on the loopback
// interface that answers like the providers do and does what a test tells it
// to, and a Canary that looks for known values in every form in which they leak.
//
// Nothing in it needs package testing, so a demonstration can use it as well.
package keyfobtest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Account is an account at the provider, known by its key.
type Account struct {
	Name  string      // shown in answers, such as "work"
	Key   string      // what the client must send
	Queue []Behaviour // what the next requests get, one each
	Then  Behaviour   // what the others get; the zero value answers well
}

// Options say what the provider knows.
type Options struct {
	Accounts []Account
	// Models are the names that the models request answers; nil: two names.
	Models []string
	// Text makes the text of a good answer; nil: "Hello from NAME." plus the
	// model's name.
	Text func(account, model string) string
}

// Provider is a running server. It is safe for concurrent use.
type Provider struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{} // closed when the server has stopped
	stop     chan struct{} // closed by Close: ends what hangs
	models   []string
	text     func(account, model string) string

	mu        sync.Mutex // guards what follows
	accounts  map[string]*account
	requests  []Request
	more      chan struct{}     // closed when the next request has been read
	forgotten int               // how many requests there were before the first one listed
	state     map[string]string // id of a stored response, to the key that made it
	closed    bool
}

// StartProvider starts a provider on a free port of 127.0.0.1. The caller
// closes it.
func StartProvider(o Options) (*Provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := newProvider(l, o)
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(p.done)
		_ = p.server.Serve(l) // ends by Close
	}()
	return p, nil
}

func newProvider(l net.Listener, o Options) *Provider {
	p := &Provider{
		listener: l, done: make(chan struct{}), stop: make(chan struct{}),
		models: o.Models, text: o.Text,
		accounts: map[string]*account{}, state: map[string]string{}, more: make(chan struct{}),
	}
	if p.models == nil {
		p.models = []string{"test-large", "test-small"}
	}
	if p.text == nil {
		p.text = func(account, model string) string { return "Hello from " + account + ". This is " + model + "." }
	}
	for _, a := range o.Accounts {
		p.Add(a)
	}
	return p
}

// URL is the server's address, "http://127.0.0.1:PORT". The OpenAI dialect is
// below /v1, the Anthropic one takes the address as it is, Google's too.
func (p *Provider) URL() string { return "http://" + p.listener.Addr().String() }

// Close ends every answer under way, stops the server and waits for it. More
// calls do nothing.
func (p *Provider) Close() error {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if !first {
		return nil
	}
	close(p.stop)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if err != nil {
		err = p.server.Close()
	}
	<-p.done
	return err
}

// Refused gives an address of this machine that refuses connections: one that
// was listened on and is closed again.
func Refused() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return "http://" + l.Addr().String(), l.Close()
}
