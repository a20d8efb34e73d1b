package main

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile puts what write writes into file, whole or not at all: a reader sees
// the old file or the new one.
func replaceFile(file string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(file), ".belay-*.tmp") // not *.prom: nobody reads it
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temporary.Name()) // the error that counts is the first
		}
	}()
	w := bufio.NewWriter(temporary)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = temporary.Chmod(mode)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
