package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"belay/providers"
	"belay/rollout"

	"github.com/zalando/go-keyring"
)

// secrets finds the fields of a login: what was typed for this session, else the
// environment, else the operator's keyring. Nothing of it is ever written down.
type secrets struct {
	env     func(string) (string, bool)
	keyring func(user string) (string, error)

	mu      sync.Mutex
	typed   map[string]string
	trouble error // why the keyring could not be asked
}

// secretLimit is the largest file that holds a credential, in bytes.
const secretLimit = 64 << 10

// of returns the values of a login's fields by key, and the required ones that
// nothing gives.
func (s *secrets) of(entry providers.Provider, account string) (values map[string]string, missing []string, err error) {
	values = map[string]string{}
	for _, field := range entry.Fields {
		v, err := s.field(entry.ID, account, field)
		if err != nil {
			return nil, nil, err
		}
		if v != "" {
			values[field.Key] = v
		} else if field.Required {
			missing = append(missing, field.Key)
		}
	}
	return values, missing, nil
}

func (s *secrets) field(provider, account string, field providers.Field) (string, error) {
	user := keyringUser(provider, account, field.Key)
	s.mu.Lock()
	v, ok := s.typed[user]
	s.mu.Unlock()
	if ok {
		return v, nil
	}
	for _, name := range field.Names(account) {
		v, ok := s.env(name.Name)
		if !ok || v == "" {
			continue
		}
		if !name.File {
			return v, nil
		}
		return readSecret(name.Name, v)
	}
	if !field.Required && !field.Secret {
		return "", nil
	}
	v, err := s.keyring(user)
	if err != nil {
		s.mu.Lock()
		s.trouble = err
		s.mu.Unlock()
		return "", nil
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

func (s *secrets) keep(provider, account, field, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.typed == nil {
		s.typed = map[string]string{}
	}
	s.typed[keyringUser(provider, account, field)] = value
}

// lacks says which fields of a login are missing and where they are looked for.
func (s *secrets) lacks(entry providers.Provider, account rollout.Account, missing []string) error {
	var names []string
	for _, key := range missing {
		field, _ := entry.Field(key)
		from := []string{}
		for _, name := range field.Names(account.Name) {
			if !name.File {
				from = append(from, name.Name)
			}
		}
		names = append(names, fmt.Sprintf("%s (%s)", strings.ToLower(field.Label), strings.Join(from, " or ")))
	}
	keyring := "or put it into the keyring under service " + keyringService + " and user " + keyringUser(entry.ID, account.Name, missing[0])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble != nil {
		keyring = fmt.Sprintf("the keyring could not be asked: %v", s.trouble)
	}
	return fmt.Errorf("%s lacks its %s: set it in the environment, with _FILE behind the name to read a file; %s",
		account, strings.Join(names, " and "), keyring)
}

// keyringService is the service under which the keyring holds credentials.
const keyringService = "belay"

// keyringUser names one field of a login in the keyring: cloudflare/api_token, or
// cloudflare/work/api_token for a named account.
func keyringUser(provider, account, field string) string {
	return rollout.Account{Provider: provider, Name: account}.String() + "/" + field
}

// keyringOf reads the operator's keyring. Where no desktop session keeps one it is
// not asked: asking would start a message bus.
func keyringOf(env func(string) (string, bool)) func(user string) (string, error) {
	return func(user string) (string, error) {
		if !hasKeyring(env) {
			return "", errors.New("this session has none")
		}
		v, err := keyring.Get(keyringService, user)
		if errors.Is(err, keyring.ErrNotFound) {
			return "", nil
		}
		return v, err
	}
}

func hasKeyring(env func(string) (string, bool)) bool {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return true
	}
	if bus, ok := env("DBUS_SESSION_BUS_ADDRESS"); ok && bus != "" {
		return true
	}
	_, err := os.Stat(filepath.Join("/run/user", strconv.Itoa(os.Getuid()), "bus"))
	return err == nil
}
