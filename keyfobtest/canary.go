package keyfobtest

// Canary looks for known values in bytes, in every form in which they commonly
// leak.
type Canary struct {
	forms []form
}

type form struct {
	name, form string
	text       []byte
}

// Hit is a value that was found.
type Hit struct {
	Name   string // of the value, never the value itself
	Form   string // plain, base64, hex, url, json, quoted
	Offset int
	Path   string // of the file, from FindDir
}

// NewCanary looks for these values, by name.
func NewCanary(values map[string]string) *Canary { return &Canary{} }

// Find lists the first place of each form of each value in b.
func (c *Canary) Find(b []byte) []Hit { return nil }

// FindDir searches every file below dir, and the files' names and links.
func (c *Canary) FindDir(dir string) ([]Hit, error) { return nil, nil }
