package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"belay/providers"
	"belay/rollout"
)

// secrets finds the fields of a login: what was typed for this session, else the
// environment, else the operator's keyring. Nothing of it is ever written down.
type secrets struct {
	env     func(string) (string, bool)
	keyring func(ctx context.Context, user string) (string, error)

	mu      sync.Mutex
	typed   map[string]string
	trouble error // why the keyring could not be asked
}

// secretLimit is the largest file that holds a credential, in bytes.
const secretLimit = 64 << 10

// fieldSource gives a login's fields; "" for one that it has not.
type fieldSource func(field providers.Field) (string, error)

// of returns the values of a login's fields by key, and those that are lacking
// though the login needs them. The keyring is asked only where the rest is no login
// without it.
func (s *secrets) of(ctx context.Context, entry providers.Provider, account string) (values map[string]string, missing []string, err error) {
	values = map[string]string{}
	whole := -1 // the source that gave those fields that come from one
	for i, from := range s.sources(ctx, entry.LoginID(), account) {
		if i == fromTheKeyring && suffices(entry, values, whole >= 0) {
			break
		}
		for _, field := range entry.Fields {
			if values[field.Key] != "" || field.Whole && whole >= 0 && whole != i {
				continue
			}
			v, err := from(field)
			if err != nil {
				return nil, nil, err
			}
			if v == "" {
				continue
			}
			values[field.Key] = v
			if field.Whole {
				whole = i
			}
		}
	}
	if whole == 0 {
		if err := s.complete(ctx, entry, account, values); err != nil {
			return nil, nil, err
		}
	}
	for _, field := range entry.Fields {
		if field.Named && account != "" && values[field.Key] == "" && whole < 0 {
			values[field.Key] = account
		}
		if field.Required && values[field.Key] == "" {
			missing = append(missing, field.Key)
		}
	}
	// With nothing of its own a named account would be the machine's usual login.
	if account != "" && len(values) == 0 && missing == nil && len(entry.Fields) > 0 {
		missing = []string{entry.Fields[0].Key}
	}
	return values, missing, nil
}

// complete adds to the fields that were typed those that the login needs and that
// were not asked for, since the environment or the keyring has them.
func (s *secrets) complete(ctx context.Context, entry providers.Provider, account string, values map[string]string) error {
	for _, from := range s.sources(ctx, entry.LoginID(), account)[1:] {
		for _, field := range entry.Fields {
			if !field.Whole || !field.Required || values[field.Key] != "" {
				continue
			}
			v, err := from(field)
			if err != nil {
				return err
			}
			if v != "" {
				values[field.Key] = v
			}
		}
	}
	return nil
}

// suffices reports whether values, found so far, are a login: all fields that it
// needs; where it needs none, those that come whole, or where none does, the first.
func suffices(entry providers.Provider, values map[string]string, whole bool) bool {
	needs, comesWhole := false, false
	for _, field := range entry.Fields {
		needs, comesWhole = needs || field.Required, comesWhole || field.Whole
		if field.Required && values[field.Key] == "" {
			return false
		}
	}
	return needs || whole || !comesWhole && len(entry.Fields) > 0 && values[entry.Fields[0].Key] != ""
}

// fromTheKeyring is the keyring's place among the sources.
const fromTheKeyring = 2

// sources are where a login is looked for, the first that has a field wins.
func (s *secrets) sources(ctx context.Context, provider, account string) []fieldSource {
	return []fieldSource{
		func(f providers.Field) (string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.typed[keyringUser(provider, account, f.Key)], nil
		},
		func(f providers.Field) (string, error) { return s.fromEnvironment(f.Names(account)) },
		func(f providers.Field) (string, error) {
			return s.fromKeyring(ctx, keyringUser(provider, account, f.Key))
		},
	}
}

func (s *secrets) fromEnvironment(names []providers.EnvName) (string, error) {
	for _, name := range names {
		v, ok := s.env(name.Name)
		if !ok || v == "" {
			continue
		}
		if !name.File {
			return v, nil
		}
		return readSecret(name.Name, v)
	}
	return "", nil
}

// fromKeyring remembers why the keyring could not be asked first: it matters only where
// nothing else has the field. That whoever asked has gone is an error.
func (s *secrets) fromKeyring(ctx context.Context, user string) (string, error) {
	v, err := s.keyring(ctx, user)
	if err != nil && ctx.Err() != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || s.trouble == nil {
		s.trouble = err
	}
	return v, nil
}

func readSecret(name, file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("read the credential that %s names: %w", name, err)
	}
	if info.Size() > secretLimit {
		return "", fmt.Errorf("read the credential that %s names: %s is larger than %d bytes", name, file, secretLimit)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the credential that %s names: %w", name, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// keep holds a field for this session. An empty value takes back one that was kept.
func (s *secrets) keep(provider, account, field, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.typed == nil {
		s.typed = map[string]string{}
	}
	s.typed[keyringUser(provider, account, field)] = value
}

// lacks says in one sentence which fields of a login are missing and every way to
// give them that works on this machine.
func (s *secrets) lacks(entry providers.Provider, account rollout.Account, missing []string) error {
	var names, variables []string
	for _, key := range missing {
		field, _ := entry.Field(key)
		names = append(names, strings.ToLower(field.Label))
		first := ""
		var others []string
		for _, name := range field.Names(account.Name) {
			switch {
			case name.File:
			case first == "":
				first = name.Name
			default:
				others = append(others, name.Name)
			}
		}
		if len(others) > 0 {
			first += " (or " + strings.Join(others, ", ") + ")"
		}
		variables = append(variables, first)
	}
	field, _ := entry.Field(missing[0])
	file := ""
	for _, name := range field.Names(account.Name) {
		if name.File && file == "" {
			file = name.Name
		}
	}
	keyring := s.orKeyring(loginCommand(account))
	like := ""
	if len(missing) > 1 {
		like = " and its like"
	}
	return &lackError{account, missing, fmt.Sprintf("%s lacks its %s: set %s, or %s%s to the path of a file that holds the value%s",
		account, strings.Join(names, " and "), strings.Join(variables, " and "), file, like, keyring)}
}

// orKeyring ends a sentence of the ways to give a field by the command that puts it
// into the keyring, or by why that cannot be asked.
func (s *secrets) orKeyring(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil {
		return "; " + s.trouble.Error()
	}
	return ", or run " + command + ", which keeps it in your keyring"
}

// lackError is a login that lacks fields; the wizard has them typed.
type lackError struct {
	account rollout.Account
	fields  []string
	text    string
}

func (e *lackError) Error() string { return e.text }

// Lacks names the account and its fields that are nowhere to be found.
func (e *lackError) Lacks() (rollout.Account, []string) { return e.account, e.fields }

// loginCommand is the command line that puts a login into the keyring.
func loginCommand(account rollout.Account) string {
	c := "belay providers login " + account.Provider
	if account.Name != "" {
		c += " --account " + account.Name
	}
	return c + " --domain DOMAIN"
}
