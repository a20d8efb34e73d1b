package tui

import (
	"errors"
	"strings"
	"testing"
)

func TestASecretIsEditedAsItIsTyped(t *testing.T) {
	for _, tc := range []struct{ shows, typed, want string }{
		{"a line", "hunter2\r", "hunter2"},
		{"a slip taken back", "huntet\x7fr2\r", "hunter2"},
		{"more taken back than was typed", "x\x7f\x7f\x7fy\n", "y"},
		{"a character of several bytes taken back", "aé\x7fb\r", "ab"},
		{"begun again", "wrong\x15right\r", "right"},
		{"arrows, Home, Delete and a function key", "a\x1b[Ab\x1b[1~c\x1b[3~d\x1bOPe\r", "abcde"},
		{"escape alone", "a\x1bb\r", "ab"},
		{"control characters of a paste", "a\tb\x00c\r", "abc"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			if got, err := readHidden(strings.NewReader(tc.typed)); err != nil || got != tc.want {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
	if _, err := readHidden(strings.NewReader("half\x03")); !errors.Is(err, errCalledOff) {
		t.Errorf("ctrl+c gives %v", err)
	}
	if _, err := readHidden(strings.NewReader("half")); err == nil {
		t.Error("the end of the input is no end of the line")
	}
}
