package vault

import (
	"bytes"

	"keyfob/internal/core"
)

// parseEnv reads lines of NAME=VALUE: an optional "export " before the name, #
// as a whole line only, single quotes literal, double quotes with \n \t \r \\ and
// \", nothing expanded, no value over several lines. A byte-order mark and CRLF
// are tolerated; spaces around a name and around an unquoted value are dropped.
//
// It stops at the first line that is none: what follows may be the rest of a
// value, and would be taken for names.
func parseEnv(text []byte, most int) ([]entry, []core.Detail, error) {
	var c collector
	line := 0
	for raw := range bytes.SplitSeq(withoutBOM(text), []byte("\n")) {
		line++
		raw = bytes.Trim(raw, " \t\r")
		if len(raw) == 0 || raw[0] == '#' {
			continue
		}
		name, value, why := envLine(raw)
		if why != "" {
			return nil, nil, unreadable(line, why, envHint)
		}
		if c.add(name, line, value); c.over(most) {
			break
		}
	}
	return c.entries, c.problems, nil
}

const envHint = `each line is NAME=VALUE; quote with '...' (literal) or "..." (with \n \t \r \\ \"), and keep a value on one line`

func envLine(raw []byte) (name string, value []byte, why string) {
	before, after, ok := bytes.Cut(raw, []byte("="))
	if !ok {
		return "", nil, "it is not NAME=VALUE"
	}
	n := bytes.TrimRight(before, " \t")
	if rest, exported := bytes.CutPrefix(n, []byte("export")); exported && len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		n = bytes.TrimLeft(rest, " \t")
	}
	if len(n) > maxEnvName || !envName().Match(n) {
		return "", nil, "what stands before the = is not a variable's name"
	}
	value, why = envValue(bytes.TrimLeft(after, " \t"))
	return string(n), value, why
}

func envValue(raw []byte) (value []byte, why string) {
	if bytes.IndexByte(raw, '\r') >= 0 {
		return nil, "it holds a carriage return"
	}
	if len(raw) == 0 || raw[0] != '\'' && raw[0] != '"' {
		return raw, ""
	}
	quote, rest := raw[0], raw[1:]
	if quote == '\'' {
		end := bytes.IndexByte(rest, '\'')
		if end < 0 {
			return nil, "the quote is not closed"
		}
		return closed(rest[:end], rest[end+1:])
	}
	return doubleQuoted(rest)
}

func closed(value, after []byte) ([]byte, string) {
	if len(after) > 0 {
		return nil, "something follows the closing quote"
	}
	return value, ""
}

var envEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '"': '"'}

func doubleQuoted(rest []byte) (value []byte, why string) {
	out := make([]byte, 0, len(rest))
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '"':
			return closed(out, rest[i+1:])
		case '\\':
			if i++; i == len(rest) {
				return nil, "the quote is not closed"
			}
			c, ok := envEscapes[rest[i]]
			if !ok {
				return nil, "a backslash is followed by none of n t r \\ and \""
			}
			out = append(out, c)
		default:
			out = append(out, rest[i])
		}
	}
	return nil, "the quote is not closed"
}
