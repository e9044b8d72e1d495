package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyfob/api"
	"keyfob/internal/core"
)

// reasonUsage is the reason of every error in how a command was called.
const reasonUsage = "usage"

// usagef is an error in how a command was called.
func usagef(format string, args ...any) *api.Error {
	return &api.Error{Code: api.CodeInvalid, Reason: reasonUsage, Message: fmt.Sprintf(format, args...)}
}

// internalf is an error for what Keyfob cannot mend by itself.
func internalf(format string, args ...any) *api.Error {
	return &api.Error{Code: api.CodeInternal, Message: fmt.Sprintf(format, args...)}
}

func detail(message string) api.Detail { return api.Detail{Message: message} }

func withHint(e *api.Error, format string, args ...any) *api.Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// publicError is what people may see of err. An error that is neither
// api.Error nor core.Error is a fault of ours; its text is shown all the same,
// since on this path it is this machine's user who reads it and values never
// stand in errors.
func publicError(err error) *api.Error {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*core.Error](err); ok {
		return fromCore(e)
	}
	return &api.Error{Code: api.CodeInternal, Message: err.Error(), Hint: "run: keyfob doctor"}
}

// fromCore keeps the cause in the message: this process is the user's own.
func fromCore(e *core.Error) *api.Error {
	out := &api.Error{
		Code: string(e.Code), Reason: e.Reason, Message: e.Error(), Hint: e.Hint,
		Field: e.Field, RetryAfter: api.SecondsOf(e.RetryAfter),
	}
	for _, d := range e.Details {
		out.Details = append(out.Details, api.Detail(d))
	}
	return out
}

// printError writes err to Stderr: an object in JSON, or lines for people.
func (e *Env) printError(err *api.Error) {
	if e.wantsJSON() {
		_ = json.NewEncoder(e.Stderr).Encode(api.ErrorBody{Error: err})
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "keyfob: %s\n", Clean(err.Message))
	for _, d := range err.Details {
		if d.Message == err.Message {
			continue // it is all there is to say
		}
		fmt.Fprintf(&b, "  %s\n", Clean(strings.TrimPrefix(d.Field+": "+d.Message, ": ")))
	}
	if err.Hint != "" {
		fmt.Fprintf(&b, "hint: %s\n", Clean(err.Hint))
	}
	_, _ = fmt.Fprint(e.Stderr, b.String())
}

// wantsJSON also knows where the flags could not be read.
func (e *Env) wantsJSON() bool {
	if e.JSON() {
		return true
	}
	args := e.Args
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	joined := " " + strings.Join(args, " ") + " "
	return strings.Contains(joined, " --output json ") || strings.Contains(joined, " --output=json ") || strings.Contains(joined, " -o json ")
}

// flagError rewrites what the flag parser says: its own messages repeat
// arguments, and an argument may be a value that was pasted by mistake.
func flagError(c *cobra.Command, err error) error {
	hint := "see: " + c.CommandPath() + " --help"
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return withHint(usagef("unknown flag%s", plainWord(dashed(e.GetSpecifiedName()))), "%s", hint)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return withHint(usagef("the flag --%s needs a value", e.GetFlag().Name), "%s", hint)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue(e.GetFlag(), hint)
	}
	return withHint(usagef("a flag cannot be read"), "%s", hint)
}

// badValue says what the flag takes in words of people's, not of the program's.
func badValue(f *pflag.Flag, hint string) error {
	switch f.Value.Type() {
	case "stringSlice":
		return withHint(usagef("the value of --%s is not a list", f.Name),
			`separate names by commas; one that holds a comma or a " goes in double quotes, with its own doubled: --%s '"a""b","c,d"'`, f.Name)
	case "int", "int64":
		return withHint(usagef("the value of --%s is not a whole number", f.Name), "%s", hint)
	case "bool":
		return withHint(usagef("the value of --%s is neither true nor false", f.Name), "%s", hint)
	case "duration":
		return withHint(usagef("the value of --%s is not a length of time", f.Name), "write it as 30s or 2m")
	}
	return withHint(usagef("the value of --%s is not a %s", f.Name, f.Value.Type()), "%s", hint)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func unknownCommand(c *cobra.Command, word string) error {
	err := usagef("unknown command%s", plainWord(word))
	if s := c.SuggestionsFor(word); len(s) > 0 {
		return withHint(err, "did you mean: %s %s", c.CommandPath(), strings.Join(s, " or "))
	}
	return withHint(err, "see: %s --help", c.CommandPath())
}

var wordText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-{0,2}[a-z][a-z-]{0,18}$`) })

// plainWord is ` "s"` where s can only be a mistyped word, else nothing.
func plainWord(s string) string {
	if !wordText().MatchString(s) {
		return ""
	}
	return ` "` + s + `"`
}

// argCount checks the number of arguments without repeating any.
func argCount(least, most int, usage string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		write := strings.TrimSpace("write: " + c.CommandPath() + " " + usage)
		switch {
		case len(args) < least:
			return withHint(usagef("an argument is missing"), "%s", write)
		case most >= 0 && len(args) > most:
			return withHint(usagef("there are too many arguments"), "%s", write)
		}
		return nil
	}
}

// fileError says why a file could not be read or written.
func fileError(what, path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	out := &api.Error{Code: api.CodeUnavailable, Message: fmt.Sprintf("%s %s: %v", what, path, err), Hint: "check the path and the disk"}
	switch {
	case errors.Is(err, errTooLarge):
		out.Code, out.Hint = api.CodeInvalid, "a value has at most 1 MiB: is it the right file?"
	case errors.Is(err, syscall.EISDIR):
		out.Code, out.Hint = api.CodeInvalid, "name a file"
	case errors.Is(err, fs.ErrNotExist):
		out.Code, out.Hint = api.CodeNotFound, "check the path"
	case errors.Is(err, fs.ErrPermission):
		out.Code, out.Hint = api.CodeForbidden, "check who owns the file and its mode"
	}
	return out
}
