package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"belay/providers"
	"belay/rollout"
)

func TestWhereCredentialsComeFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		shows, account, want string
		env, ring, typed     map[string]string
		trouble              error
	}{
		{shows: "the environment", env: map[string]string{"CLOUDFLARE_API_TOKEN": "from-env"}, want: "from-env"},
		{shows: "another name people have set", env: map[string]string{"CF_DNS_API_TOKEN": "from-env"}, want: "from-env"},
		{shows: "a file that a variable names", env: map[string]string{"CLOUDFLARE_API_TOKEN_FILE": file}, want: "from-file"},
		{shows: "the keyring", ring: map[string]string{"cloudflare/api_token": "from-ring"}, want: "from-ring"},
		{shows: "the environment before the keyring", env: map[string]string{"CLOUDFLARE_API_TOKEN": "from-env"},
			ring: map[string]string{"cloudflare/api_token": "from-ring"}, want: "from-env"},
		{shows: "what was typed before both", env: map[string]string{"CLOUDFLARE_API_TOKEN": "from-env"},
			typed: map[string]string{"api_token": "typed"}, want: "typed"},
		{shows: "a named account's own variable", account: "work", env: map[string]string{"CLOUDFLARE_API_TOKEN_WORK": "work-token"}, want: "work-token"},
		{shows: "no other account's variable", account: "work", env: map[string]string{"CLOUDFLARE_API_TOKEN": "from-env"}},
		{shows: "a named account in the keyring", account: "work", ring: map[string]string{"cloudflare/work/api_token": "from-ring"}, want: "from-ring"},
		{shows: "nowhere, with a keyring that cannot be asked", trouble: errors.New("it is locked")},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			s := &secrets{
				env: func(name string) (string, bool) { v, ok := tc.env[name]; return v, ok },
				keyring: func(_ context.Context, user string) (string, error) {
					return tc.ring[user], tc.trouble
				},
			}
			for field, value := range tc.typed {
				s.keep("cloudflare", tc.account, field, value)
			}
			entry, _ := providers.Lookup(providers.DNS, "cloudflare")
			values, missing, err := s.of(t.Context(), entry, tc.account)
			if err != nil || values["api_token"] != tc.want {
				t.Fatalf("got %q, %v; want %q", values["api_token"], err, tc.want)
			}
			if lacks := slices.Contains(missing, "api_token"); lacks != (tc.want == "") {
				t.Errorf("missing are %v", missing)
			}
			if tc.want != "" {
				return
			}
			said := s.lacks(entry, rollout.Account{Provider: "cloudflare", Name: tc.account}, missing).Error()
			if !strings.Contains(said, "CLOUDFLARE_API_TOKEN") || !strings.Contains(said, "_FILE") || tc.trouble != nil && !strings.Contains(said, tc.trouble.Error()) {
				t.Errorf("it says %s", said)
			}
		})
	}
}

// A login that the environment has is used without the keyring, which may be locked,
// or not answer.
func TestTheKeyringIsAskedOnlyWhereALoginLacksSomething(t *testing.T) {
	for _, tc := range []struct {
		shows, provider string
		env             map[string]string
		asked           bool
	}{
		{"all that is needed, and an optional field unset", "cloudflare", map[string]string{"CLOUDFLARE_API_TOKEN": "t"}, false},
		{"all but the algorithm, which has a default", "rfc2136", map[string]string{"RFC2136_NAMESERVER": "ns1", "RFC2136_TSIG_KEY": "k", "RFC2136_TSIG_SECRET": "s"}, false},
		{"a profile", "route53", map[string]string{"AWS_PROFILE": "ops"}, false},
		{"a key file", "googleclouddns", map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": "/key.json"}, false},
		{"nothing", "cloudflare", nil, true},
		{"one of two that come from one place", "porkbun", map[string]string{"PORKBUN_API_KEY": "pk1"}, false},
		{"a region alone", "route53", map[string]string{"AWS_REGION": "eu-west-1"}, true},
		{"a project alone", "googleclouddns", map[string]string{"GCP_PROJECT": "p"}, true},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			asked := false
			s := &secrets{
				env:     func(name string) (string, bool) { v, ok := tc.env[name]; return v, ok },
				keyring: func(context.Context, string) (string, error) { asked = true; return "", nil },
			}
			entry, _ := providers.Lookup(providers.DNS, tc.provider)
			if _, missing, err := s.of(t.Context(), entry, ""); err != nil || asked != tc.asked {
				t.Errorf("asked %t, missing %v, %v", asked, missing, err)
			}
		})
	}
}

// Halves of two logins would be none, or a third.
func TestAWSLoginsAreTakenFromOnePlace(t *testing.T) {
	for _, tc := range []struct {
		shows, account   string
		env, ring, typed map[string]string
		want             string // fields, as key=value
		missing          string
	}{
		{shows: "nothing: the default chain", want: ""},
		{shows: "a profile of the environment before keys of the keyring", env: map[string]string{"AWS_PROFILE": "ops"},
			ring: map[string]string{"route53/access_key_id": "AK", "route53/secret_access_key": "SK"}, want: "profile=ops"},
		{shows: "keys of the keyring, with the region of the environment", env: map[string]string{"AWS_REGION": "eu-west-1"},
			ring: map[string]string{"route53/access_key_id": "AK", "route53/secret_access_key": "SK"}, want: "access_key_id=AK region=eu-west-1 secret_access_key=SK"},
		{shows: "typed keys without the environment's session", typed: map[string]string{"access_key_id": "AK", "secret_access_key": "SK"},
			env: map[string]string{"AWS_SESSION_TOKEN": "ST", "AWS_ACCESS_KEY_ID": "other"}, want: "access_key_id=AK secret_access_key=SK"},
		{shows: "a named account is the profile of its name", account: "work", env: map[string]string{"AWS_ACCESS_KEY_ID": "other", "AWS_PROFILE": "other"}, want: "profile=work"},
		{shows: "a named account's own profile", account: "work", env: map[string]string{"AWS_PROFILE_WORK": "ops"}, want: "profile=ops"},
		{shows: "a named account's own keys", account: "work", env: map[string]string{"AWS_ACCESS_KEY_ID_WORK": "AK", "AWS_SECRET_ACCESS_KEY_WORK": "SK"}, want: "access_key_id=AK secret_access_key=SK"},
	} {
		t.Run(tc.shows, func(t *testing.T) {
			s := &secrets{
				env:     func(name string) (string, bool) { v, ok := tc.env[name]; return v, ok },
				keyring: func(_ context.Context, user string) (string, error) { return tc.ring[user], nil },
			}
			for field, value := range tc.typed {
				s.keep("route53", tc.account, field, value)
			}
			entry, _ := providers.Lookup(providers.DNS, "route53")
			values, missing, err := s.of(t.Context(), entry, tc.account)
			var got []string
			for k, v := range values {
				got = append(got, k+"="+v)
			}
			slices.Sort(got)
			if err != nil || len(missing) > 0 || strings.Join(got, " ") != tc.want {
				t.Errorf("%q, missing %v, %v; want %q", got, missing, err, tc.want)
			}
		})
	}
}

// A named account of a provider that can do without fields is never the machine's
// usual login.
func TestANamedAccountHasSomethingOfItsOwn(t *testing.T) {
	s := &secrets{
		env:     func(name string) (string, bool) { return "/usual.json", name == "GOOGLE_APPLICATION_CREDENTIALS" },
		keyring: func(context.Context, string) (string, error) { return "", nil },
	}
	entry, _ := providers.Lookup(providers.DNS, "googleclouddns")
	_, missing, err := s.of(t.Context(), entry, "work")
	if err != nil || !slices.Equal(missing, []string{"key_file"}) {
		t.Fatalf("missing %v, %v", missing, err)
	}
	said := s.lacks(entry, rollout.Account{Provider: "googleclouddns", Name: "work"}, missing).Error()
	if !strings.Contains(said, "GOOGLE_APPLICATION_CREDENTIALS_WORK") || !strings.Contains(said, "login googleclouddns --account work") {
		t.Errorf("it says %s", said)
	}
}

func TestAFileThatIsNotThereIsSaid(t *testing.T) {
	s := &secrets{
		env:     func(name string) (string, bool) { return "/nowhere/token", name == "CLOUDFLARE_API_TOKEN_FILE" },
		keyring: func(context.Context, string) (string, error) { return "", nil },
	}
	entry, _ := providers.Lookup(providers.DNS, "cloudflare")
	if _, _, err := s.of(t.Context(), entry, ""); err == nil || !strings.Contains(err.Error(), "CLOUDFLARE_API_TOKEN_FILE") {
		t.Errorf("it says %v", err)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{"14d": "336h0m0s", "2w": "336h0m0s", "0": "0s", "36h": "36h0m0s", "0.5d": "12h0m0s", "90s": "1m30s"} {
		if d, err := parseDuration(text); err != nil || d.String() != want {
			t.Errorf("%s is %s (%v), want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "soon", "-1d", "-3h", "d", "14", "NaNd", "1e300d", "Infw"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is %s", text, d)
		}
	}
}

// What is typed because it was lacking completes the rest of the login, wherever
// that is.
func TestTypedFieldsCompleteALogin(t *testing.T) {
	entry, _ := providers.Lookup(providers.DNS, "porkbun")
	for shows, s := range map[string]*secrets{
		"the rest in the environment": {
			env:     func(name string) (string, bool) { return "pk1", name == "PORKBUN_API_KEY" },
			keyring: func(context.Context, string) (string, error) { return "", nil },
		},
		"the rest in the keyring": {
			env: func(string) (string, bool) { return "", false },
			keyring: func(_ context.Context, user string) (string, error) {
				return map[string]string{"porkbun/api_key": "pk1"}[user], nil
			},
		},
	} {
		t.Run(shows, func(t *testing.T) {
			if _, missing, err := s.of(t.Context(), entry, ""); err != nil || !slices.Equal(missing, []string{"secret_api_key"}) {
				t.Fatalf("missing %v, %v", missing, err)
			}
			s.keep("porkbun", "", "secret_api_key", "sk1")
			values, missing, err := s.of(t.Context(), entry, "")
			if err != nil || len(missing) > 0 || values["api_key"] != "pk1" || values["secret_api_key"] != "sk1" {
				t.Errorf("%v, missing %v, %v", values, missing, err)
			}
		})
	}
}
