package listen_test

import (
	"net"
	"testing"
	"testing/synctest"

	"keyfob/internal/listen"
)

// queue is a listener with connections waiting.
type queue chan net.Conn

func (q queue) Accept() (net.Conn, error) {
	c, ok := <-q
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (q queue) Close() error   { close(q); return nil }
func (q queue) Addr() net.Addr { return &net.TCPAddr{} }

// Beyond the bound a connection is left waiting until another one ends, however
// often that one is closed.
func TestConnectionsAreBounded(t *testing.T) {
	for _, bound := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			waiting := make(queue, bound+2)
			for range cap(waiting) {
				here, _ := net.Pipe()
				waiting <- here
			}
			ln := listen.Limit(waiting, bound)
			accepted := make(chan net.Conn, cap(waiting))
			go func() {
				defer close(accepted)
				for {
					c, err := ln.Accept()
					if err != nil {
						return
					}
					accepted <- c
				}
			}()
			synctest.Wait()
			if len(accepted) != bound || len(waiting) != 2 {
				t.Fatalf("%d were accepted and %d wait, where %d may be open", len(accepted), len(waiting), bound)
			}
			first := <-accepted
			_ = first.Close() // ends of a pipe close without error
			_ = first.Close()
			synctest.Wait()
			if len(accepted) != bound || len(waiting) != 1 {
				t.Errorf("after one ended there are %d and %d wait", len(accepted), len(waiting))
			}
			_ = ln.Close() // a queue closes without error
			synctest.Wait()
			for range accepted { // ends: a closed listener accepts no more, also while it waits for a place
			}
		})
	}
}
