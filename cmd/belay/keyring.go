package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"belay/rollout"

	"github.com/zalando/go-keyring"
)

// keyringService is the service under which the keyring holds credentials.
const keyringService = "belay"

// keyringUser names one field of a login in the keyring: cloudflare/api_token, or
// cloudflare/work/api_token for a named account.
func keyringUser(provider, account, field string) string {
	return rollout.Account{Provider: provider, Name: account}.String() + "/" + field
}

// errNoKeyring says that nothing keeps secrets for this session, as on most
// servers.
var errNoKeyring = errors.New("this session has no keyring, as is usual on a server")

// keyringOf reads the operator's keyring. Where no desktop session keeps one it is
// not asked: asking would start a message bus.
func keyringOf(env func(string) (string, bool)) func(user string) (string, error) {
	return func(user string) (string, error) {
		if !hasKeyring(env) {
			return "", errNoKeyring
		}
		v, err := keyring.Get(keyringService, user)
		if errors.Is(err, keyring.ErrNotFound) {
			return "", nil
		}
		return v, unasked(err)
	}
}

// keyringFor writes into the operator's keyring; an empty value removes what is
// there.
func keyringFor(env func(string) (string, bool)) func(user, value string) error {
	return func(user, value string) error {
		if !hasKeyring(env) {
			return errNoKeyring
		}
		if value != "" {
			return unasked(keyring.Set(keyringService, user, value))
		}
		err := keyring.Delete(keyringService, user)
		if errors.Is(err, keyring.ErrNotFound) {
			return nil
		}
		return unasked(err)
	}
}

// unasked puts the words of a message bus behind what they mean.
func unasked(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the keyring of this session does not answer: %w", err)
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
