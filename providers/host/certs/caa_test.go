package certs

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCAAAllowsWhatItAllows(t *testing.T) {
	const ours = "https://ca.test/acct/1"
	both := []string{"http-01", "tls-alpn-01"}
	for name, tc := range map[string]struct {
		records []string
		methods []string
		allowed []string
		why     string // part of the refusal; empty where it is allowed
	}{
		"no record at all":                          {nil, both, both, ""},
		"records that restrict nothing":             {[]string{"0 iodef mailto:security@corp.test", "0 issuewild ;"}, both, both, ""},
		"this CA":                                   {[]string{"0 issue ca.test"}, both, both, ""},
		"this CA in other letters, among others":    {[]string{"0 issue other.test", "0 ISSUE CA.Test."}, both, both, ""},
		"nobody":                                    {[]string{"0 issue ;"}, both, nil, "does not name this CA"},
		"another CA":                                {[]string{"0 issue other.test"}, both, nil, "does not name this CA, which CAA calls ca.test or ca2.test"},
		"another CA, and wildcards by this one":     {[]string{"0 issue other.test", "0 issuewild ca.test"}, both, nil, "does not name this CA"},
		"an unknown tag":                            {[]string{"0 issue ca.test", "0 tbs unknown"}, both, both, ""},
		"an unknown tag that is critical":           {[]string{"0 issue ca.test", "128 tbs unknown"}, both, nil, "marked critical"},
		"a known tag that is critical":              {[]string{"128 issue ca.test"}, both, both, ""},
		"our account":                               {[]string{"0 issue ca.test; accounturi=" + ours}, both, both, ""},
		"another account":                           {[]string{"0 issue ca.test; accounturi=https://ca.test/acct/2"}, both, nil, "allows another ACME account, and belay's is " + ours},
		"another account, and ours":                 {[]string{"0 issue ca.test; accounturi=https://ca.test/acct/2", "0 issue ca2.test; accounturi=" + ours}, both, both, ""},
		"one of the challenges":                     {[]string{"0 issue ca.test; validationmethods=dns-01,http-01"}, both, []string{"http-01"}, ""},
		"none of the challenges":                    {[]string{"0 issue ca.test; validationmethods=dns-01"}, both, nil, "allows no challenge that belay may use here, http-01 or tls-alpn-01"},
		"DNS alone, which is the way":               {[]string{"0 issue ca.test; validationmethods=dns-01"}, []string{"dns-01"}, []string{"dns-01"}, ""},
		"a parameter without a value":               {[]string{"0 issue ca.test; accounturi"}, both, nil, "cannot be read"},
		"a parameter twice":                         {[]string{"0 issue ca.test; accounturi=" + ours + "; accounturi=" + ours}, both, nil, "cannot be read"},
		"unknown parameters and odd spaces":         {[]string{"0 issue  ca.test ;  policy = ev ; "}, both, both, ""},
		"what is no CAA record":                     {[]string{"nonsense", "0 issue other.test"}, both, nil, "does not name this CA"},
		"two records that allow one challenge each": {[]string{"0 issue ca.test; validationmethods=http-01", "0 issue ca.test; validationmethods=tls-alpn-01"}, both, both, ""},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, refusal := CAA{At: "corp.test", Records: tc.records}.Allows("mta-sts.corp.test", []string{"ca.test", "ca2.test"}, ours, tc.methods)
			slices.Sort(allowed)
			switch {
			case (refusal == nil) != (tc.why == ""):
				t.Errorf("refused: %v", refusal)
			case refusal != nil && !strings.Contains(refusal.Error(), tc.why):
				t.Errorf("refused with %q", refusal)
			case refusal == nil && !slices.Equal(allowed, tc.allowed):
				t.Errorf("allowed %v", allowed)
			}
		})
	}
}

func TestCAAOfACAThatDoesNotNameItself(t *testing.T) {
	for name, tc := range map[string]struct {
		records []string
		why     string
	}{
		"no record at all":                {nil, ""},
		"some CA":                         {[]string{"0 issue other.test"}, ""},
		"nobody":                          {[]string{"0 issue ;"}, "it allows nobody"},
		"nobody, twice":                   {[]string{"0 issue ;", "0 issue other.test; accounturi"}, "it allows nobody"},
		"nobody, but one":                 {[]string{"0 issue ;", "0 issue other.test"}, ""},
		"an unknown tag that is critical": {[]string{"128 tbs unknown"}, "marked critical"},
	} {
		t.Run(name, func(t *testing.T) {
			allowed, refusal := CAA{At: "corp.test", Records: tc.records}.Allows("mta-sts.corp.test", nil, "a", []string{"http-01"})
			switch {
			case (refusal == nil) != (tc.why == "") || (refusal == nil) != (len(allowed) == 1):
				t.Errorf("allowed %v, refused: %v", allowed, refusal)
			case refusal != nil && (!strings.Contains(refusal.Error(), tc.why) || !strings.Contains(refusal.Wanted, "corp.test")):
				t.Errorf("refused with %q, wanted %q", refusal, refusal.Wanted)
			}
		})
	}
}

func TestWhatIsSaidFromOutsideIsClean(t *testing.T) {
	if _, why := seen(nil, errors.New("no\x1b[2J answer"), "f"); strings.Contains(why, "\x1b") || why == "" {
		t.Errorf("it says %q", why)
	}
	if _, why := seen([]Shown{{Address: "192.0.2.1", Err: "remote\x1b[2J"}}, nil, "f"); strings.Contains(why, "\x1b") || why == "" {
		t.Errorf("it says %q", why)
	}
}

func FuzzCAA(f *testing.F) {
	f.Add("0 issue ca.test; validationmethods=dns-01", "128 tbs x")
	f.Add("0 issue ;", "")
	f.Fuzz(func(t *testing.T, one, two string) {
		allowed, refusal := CAA{At: "corp.test", Records: []string{one, two}}.Allows("mta-sts.corp.test", []string{"ca.test"}, "a", []string{"dns-01"})
		if (len(allowed) > 0) == (refusal != nil) {
			t.Errorf("allowed %v, refused %v", allowed, refusal)
		}
		if refusal != nil && refusal.Error() == "" {
			t.Error("it is refused without a word")
		}
	})
}
