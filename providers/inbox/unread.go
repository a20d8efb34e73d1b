package inbox

import (
	"errors"
	"io/fs"
	"slices"
)

// SourceError says why a Source failed. An import reads the others all the same; its
// sentence is that of Err.
type SourceError struct {
	Source string
	Err    error
}

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// BesideSources is what in the error of an import is not the failing of a source; nil
// where nothing else is.
func BesideSources(err error) error {
	switch x := err.(type) {
	case *SourceError:
		return nil
	case interface{ Unwrap() []error }:
		var rest []error
		for _, e := range x.Unwrap() {
			rest = append(rest, BesideSources(e))
		}
		return errors.Join(rest...)
	}
	return err
}

// note adds the failure of a source, of which the first is told.
func note(all []failure, source string, err error) []failure {
	if slices.ContainsFunc(all, func(f failure) bool { return f.source == source }) {
		return all
	}
	return append(all, failure{source, err})
}

// withheld is why the system did not give a file out; nil where it did, and where the
// file is gone, as when a mail is deleted while its folder is read; of one that is only
// moved, see moved.
func withheld(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok && !errors.Is(err, fs.ErrNotExist) {
		return failed
	}
	return nil
}
