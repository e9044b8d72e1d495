package keyfobtest

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Request is one request as it came.
type Request struct {
	N        int // from 1, in the order in which they were read
	At       time.Time
	Method   string
	Path     string // as sent, still escaped
	RawQuery string
	Proto    string
	Host     string
	Header   http.Header
	Body     []byte
	Model    string // that it asks for; empty: none
	Stream   bool   // it asks for a stream
	Key      string // the credential it carried; empty: none
	Account  string // whose key that is; empty: nobody's
	Status   int    // what it was answered; 0: not yet, or the connection was cut before
	Label    string // of the Behaviour it got
}

type account struct {
	name  string
	queue []Behaviour
	then  Behaviour
}

// Add makes an account known, or replaces it.
func (p *Provider) Add(a Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.Name == "" {
		a.Name = "account " + string(rune('A'+len(p.accounts)%26))
	}
	p.accounts[a.Key] = &account{name: a.Name, queue: slices.Clone(a.Queue), then: a.Then}
}

// Remove makes the provider forget a key: it answers 401 from then on.
func (p *Provider) Remove(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.accounts, key)
}

// Set says what an account's requests get once its queue is empty. An unknown
// key is ignored.
func (p *Provider) Set(key string, b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[key]; ok {
		a.then = b
	}
}

// Queue says what an account's next requests get, one each, after those that
// are queued already. An unknown key is ignored.
func (p *Provider) Queue(key string, b ...Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[key]; ok {
		a.queue = append(a.queue, b...)
	}
}

// Requests lists every request so far, in order. The caller must not change
// the headers and bodies.
func (p *Provider) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Seen waits until n requests have been read since the start, or since Forget.
func (p *Provider) Seen(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		have, more := len(p.requests), p.more
		p.mu.Unlock()
		if have >= n {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Forget empties the list of requests; their numbers go on.
func (p *Provider) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten += len(p.requests)
	p.requests = nil
}

// take records the request and says what it gets and which number it has. Only
// a request that generates uses up the queue.
func (p *Provider) take(r Request, generates bool) (b Behaviour, n int, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.accounts[r.Key]
	if known = a != nil && r.Key != ""; known {
		r.Account, b = a.name, a.then
		if generates && len(a.queue) > 0 {
			b, a.queue = a.queue[0], a.queue[1:]
		}
		r.Label = b.Label
	}
	r.N = p.forgotten + len(p.requests) + 1
	p.requests = append(p.requests, r)
	close(p.more)
	p.more = make(chan struct{})
	return b, r.N, known
}

func (p *Provider) nameOf(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[key]; ok {
		return a.name
	}
	return ""
}

// setStatus notes what request n was answered, unless it is forgotten.
func (p *Provider) setStatus(n, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := n - 1 - p.forgotten; i >= 0 {
		p.requests[i].Status = status
	}
}
