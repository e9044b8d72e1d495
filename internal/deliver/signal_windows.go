package deliver

import (
	"os"
	"os/signal"
	"sync"
)

// Signals holds this process's interrupts while a workspace is being made, runs
// and is taken back. The console sends them to the child too.
type Signals struct {
	ch   chan os.Signal
	once sync.Once
}

// CatchSignals begins to hold interrupts.
func CatchSignals() *Signals {
	s := &Signals{ch: make(chan os.Signal, 8)}
	signal.Notify(s.ch, os.Interrupt)
	return s
}

// Stop gives them their usual effect again.
func (s *Signals) Stop() { s.once.Do(func() { signal.Stop(s.ch) }) }

func (s *Signals) pending() (int, bool) {
	select {
	case <-s.ch:
		return exitSignal + 2, true
	default:
		return 0, false
	}
}

func (s *Signals) follow(p *os.Process) (int, error) {
	st, err := p.Wait()
	if err != nil {
		return ExitFailed, err
	}
	return st.ExitCode(), nil
}
