package certs

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// accounts is the operator's one account at a CA. It is made when it is first
// needed and kept in the storage, key and all in one value, so that instances
// share it and its limits.
type accounts struct {
	storage certmagic.Storage
	client  *acme.Client
	email   string
	binding Binding
	key     string

	mu   sync.Mutex
	held *acme.Account
}

// keptAccount is an account as it is stored.
type keptAccount struct {
	Account acme.Account `json:"account"`
	Key     string       `json:"key"` // PEM
}

// at is where the account stands. Another address is another account: one is never
// changed behind the operator's back.
func (a *accounts) at() string {
	who := "nobody"
	if a.email != "" {
		who = certmagic.StorageKeys.Safe(a.email)
	}
	return "acme/" + certmagic.StorageKeys.Safe(a.key) + "/" + who + ".account"
}

// lock is that under which instances make the account and forget it.
func (a *accounts) lock() string { return "register_" + certmagic.StorageKeys.Safe(a.key) }

// bindable refuses a CA that gives accounts to its customers only, where the operator
// has not said which he is.
func (a *accounts) bindable(meta acme.DirectoryMeta) error {
	if !meta.ExternalAccountRequired || a.binding.KeyID != "" {
		return nil
	}
	return acme.Problem{Type: acme.ProblemTypeExternalAccountRequired, Detail: "the CA's directory says that an external account is required"}
}

// errDamagedAccount says that an account is stored and cannot be read. Another one is
// not made behind the operator's back: CAA records may name the one that is lost.
var errDamagedAccount = errors.New("it is damaged")

// open is the account, made at the CA where there is none yet. Making it means to
// agree to the CA's terms.
func (a *accounts) open(ctx context.Context) (acme.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held != nil {
		return *a.held, nil
	}
	account, err := a.stored(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		account, err = a.register(ctx)
	}
	if err != nil {
		return acme.Account{}, err
	}
	a.held = &account
	return account, nil
}

func (a *accounts) stored(ctx context.Context) (acme.Account, error) {
	text, err := a.storage.Load(ctx, a.at())
	if err != nil {
		return acme.Account{}, fmt.Errorf("read the ACME account: %w", err)
	}
	var kept keptAccount
	if err := json.Unmarshal(text, &kept); err != nil {
		return acme.Account{}, fmt.Errorf("read the ACME account %s: %w: %w", a.at(), errDamagedAccount, err)
	}
	if kept.Account.PrivateKey, err = certmagic.PEMDecodePrivateKey([]byte(kept.Key)); err != nil {
		return acme.Account{}, fmt.Errorf("read the key of the ACME account %s: %w: %w", a.at(), errDamagedAccount, err)
	}
	return kept.Account, nil
}

// register makes the account, unless another instance has meanwhile.
func (a *accounts) register(ctx context.Context) (account acme.Account, err error) {
	if err := a.storage.Lock(ctx, a.lock()); err != nil {
		return account, fmt.Errorf("lock the storage to make an ACME account: %w", err)
	}
	defer func() { err = errors.Join(err, a.storage.Unlock(context.WithoutCancel(ctx), a.lock())) }()
	if account, err := a.stored(ctx); !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return account, fmt.Errorf("make a key for the ACME account: %w", err)
	}
	account = acme.Account{PrivateKey: key, TermsOfServiceAgreed: true}
	if a.email != "" {
		account.Contact = []string{"mailto:" + a.email}
	}
	if a.binding.KeyID != "" {
		if err := account.SetExternalAccountBinding(ctx, a.client, acme.EAB{KeyID: a.binding.KeyID, MACKey: a.binding.HMAC}); err != nil {
			return account, fmt.Errorf("bind the ACME account to the external one: %w", err)
		}
	}
	made, err := a.client.NewAccount(ctx, account)
	if err != nil {
		return account, fmt.Errorf("make an account at the CA: %w", err)
	}
	return made, a.store(ctx, made, key)
}

func (a *accounts) store(ctx context.Context, account acme.Account, key crypto.Signer) error {
	pem, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		return fmt.Errorf("keep the ACME account: %w", err)
	}
	account.ExternalAccountBinding = nil
	text, err := json.Marshal(keptAccount{account, string(pem)})
	if err == nil {
		err = a.storage.Store(ctx, a.at(), text)
	}
	if err != nil {
		return fmt.Errorf("keep the ACME account: %w", err)
	}
	return nil
}

// forget drops the account at location, which the CA does not know any more. Another
// order, here or at another instance, may have made a new one since: that one stays.
func (a *accounts) forget(ctx context.Context, location string) (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held != nil && a.held.Location == location {
		a.held = nil
	}
	if err := a.storage.Lock(ctx, a.lock()); err != nil {
		return fmt.Errorf("lock the storage to forget an ACME account: %w", err)
	}
	defer func() { err = errors.Join(err, a.storage.Unlock(context.WithoutCancel(ctx), a.lock())) }()
	stands, err := a.stored(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case stands.Location != location:
		return nil
	}
	if err := a.storage.Delete(ctx, a.at()); err != nil {
		return fmt.Errorf("forget an ACME account that the CA does not know: %w", err)
	}
	return nil
}
