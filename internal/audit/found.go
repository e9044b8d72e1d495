package audit

import "fmt"

// Verification is what was found.
type Verification struct {
	Chains      []Chain // in order of writer
	Checkpoints int64   // that hold together
	Uncovered   int64   // entries that no checkpoint covers: they can be taken away or replaced without a trace
	Records     int     // stored records that were compared with the trail
	Problems    []Problem
	Unproven    []string // what cannot be shown this way, for people
}

// OK says that nothing was found. Unproven still holds.
func (v Verification) OK() bool { return len(v.Problems) == 0 }

// Chain is one writer's entries.
type Chain struct {
	Writer  string
	Entries int64  // number of the last that holds together with all before it
	Head    []byte // hash of that one
	Covered int64  // number of the last that a checkpoint covers
}

// Problem is one thing that does not fit.
type Problem struct {
	Writer     string // of a broken chain, or of the entry whose change found a record changed
	Seq        int64  // of the chain's first entry that does not fit, or of that entry
	Checkpoint int64  // number of one that does not fit
	Line       int64  // of the file, from 1; 0: of a store
	Subject    string // of a record that is not as the trail left it, such as "secret:NPM_TOKEN"
	Message    string // for people
}

// MaxProblems bounds what one verification reports: behind the first few there
// is nothing to learn.
const MaxProblems = 100

// Report adds a problem. Behind the hundredth one line says that there are more.
func (v *Verification) Report(p Problem) {
	p.locate()
	switch {
	case len(v.Problems) < MaxProblems:
		v.Problems = append(v.Problems, p)
	case len(v.Problems) == MaxProblems:
		v.Problems = append(v.Problems, Problem{Message: "and more that are not listed"})
	}
}

// locate has the message begin with the line of the file.
func (p *Problem) locate() {
	if p.Line > 0 {
		p.Message = fmt.Sprintf("line %d: %s", p.Line, p.Message)
	}
}
