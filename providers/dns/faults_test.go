package dns_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"belay/providers/dns"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// web are the providers behind HTTP.
func web() map[string]func(*testing.T) bench {
	return map[string]func(*testing.T) bench{"cloudflare": cloudflareBench, "route53": route53Bench}
}

const htmlPage = "<html><head><title>502 Bad Gateway</title></head><body>\x1b[31mnginx</body></html>"

// said is a refusal in the API's own words, per provider.
func said(provider string, status int, code, message string) *vendor.Fault {
	if provider == "cloudflare" {
		return &vendor.Fault{Status: status, Type: "application/json", Body: `{"success":false,"errors":[{"code":` + code + `,"message":"` + message + `"}],"messages":[],"result":null}`}
	}
	return &vendor.Fault{Status: status, Type: "text/xml", Body: `<?xml version="1.0"?><ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`}
}

// TestRefusedWrites: whatever the API answers to a write, nothing is called done,
// the sentence says what is wrong, and no secret and no control character is in
// it.
func TestRefusedWrites(t *testing.T) {
	for provider, start := range web() {
		code := func(cf, aws string) string {
			if provider == "cloudflare" {
				return cf
			}
			return aws
		}
		cases := []struct {
			shows string
			fault *vendor.Fault
			says  string
		}{
			{"401", said(provider, 401, code("1000", "ExpiredToken"), "Invalid API Token"), code("token is wrong", "session has expired")},
			{"403", said(provider, 403, code("10000", "AccessDenied"), "not authorized to perform: route53:ChangeResourceRecordSets"), code("DNS:Edit", "lack the right route53:ChangeResourceRecordSets")},
			{"404", said(provider, 404, code("7003", "NoSuchHostedZone"), "No route for that"), code("No route for that", "no such hosted zone")},
			{"409", said(provider, 409, code("81053", "InvalidInput"), "conflicting record"), "conflicting record"},
			{"HTML in place of an answer", &vendor.Fault{Status: 403, Type: "text/html", Body: htmlPage}, code("text/html", "not Route 53's XML")},
			{"a secret that the answer repeats", said(provider, 400, code("6003", "InvalidInput"), "bad header SECRET"), "(secret)"},
		}
		if provider == "cloudflare" {
			cases = append(cases, []struct {
				shows string
				fault *vendor.Fault
				says  string
			}{
				{"429", &vendor.Fault{Status: 429, Type: "application/json", RetryAfter: "280", Body: `{"success":false,"errors":[{"code":971,"message":"Please wait"}]}`}, "280 s"},
				{"500", said(provider, 500, "1", "internal"), "out of order"},
				{"502 in HTML", &vendor.Fault{Status: 502, Type: "text/html", Body: htmlPage}, "out of order"},
				{"an answer without its frame", &vendor.Fault{Status: 200, Type: "application/json", Body: `[]`}, "not the API's JSON"},
			}...)
		}
		t.Run(provider, func(t *testing.T) {
			for _, tc := range cases {
				t.Run(tc.shows, func(t *testing.T) {
					b := start(t)
					secret := b.creds["api_token"] + b.creds["secret_access_key"]
					fault := *tc.fault
					fault.Body = strings.ReplaceAll(fault.Body, "SECRET", secret)
					b.interfere(func(r *http.Request) *vendor.Fault {
						if r.Method == http.MethodGet {
							return nil
						}
						return &fault
					})
					for _, e := range []rollout.Edit{
						edit("_mta-sts", "TXT", nil, list(sts1)),
						edit("_smtp._tls", "TXT", list(rpt), list(rpt+",mailto:b@corp.test")),
						edit("mta-sts", "A", list("192.0.2.20"), nil),
					} {
						b.put(t, e.Name, e.Type, e.Before.Records...)
						r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
						if r.Outcome != rollout.Failed || err == nil || !r.Saw.Equal(e.Before) {
							t.Fatalf("%s: outcome %s, saw %s: %v", e, r.Outcome, r.Saw, err)
						}
						if !strings.Contains(r.Detail, tc.says) {
							t.Errorf("%s: %q does not say %q", e, r.Detail, tc.says)
						}
						if strings.Contains(err.Error(), secret) || strings.ContainsRune(err.Error(), '\x1b') {
							t.Errorf("%q holds what it must not", err)
						}
					}
				})
			}
		})
	}
}

// TestTroubleWhileWriting: where the call ends badly, only the second reading
// decides.
func TestTroubleWhileWriting(t *testing.T) {
	for provider, start := range web() {
		t.Run(provider, func(t *testing.T) {
			t.Run("a connection cut before the write leaves nothing", func(t *testing.T) {
				b := start(t)
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.Method == http.MethodGet {
						return nil
					}
					return &vendor.Fault{Cut: true}
				})
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1)))
				if r.Outcome != rollout.Failed || err == nil {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
			})
			t.Run("a write whose answer is lost is found by reading", func(t *testing.T) {
				b := start(t)
				e := edit("_mta-sts", "TXT", nil, list(sts1))
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.Method == http.MethodGet {
						return nil
					}
					b.put(t, e.Name, e.Type, sts1)
					return &vendor.Fault{Cut: true}
				})
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
				if r.Outcome != rollout.Applied || err != nil || !strings.Contains(r.Detail, "the call failed") {
					t.Errorf("outcome %s, %q, %v", r.Outcome, r.Detail, err)
				}
			})
			t.Run("a write that cannot be read back is unknown", func(t *testing.T) {
				b := start(t)
				wrote := false
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.Method != http.MethodGet {
						wrote = true
						return nil
					}
					if wrote {
						return said(b.provider, 403, map[string]string{"cloudflare": "10000", "route53": "AccessDenied"}[b.provider], "no")
					}
					return nil
				})
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1)))
				if r.Outcome != rollout.Unknown || err == nil {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
			})
			t.Run("somebody else's value at the same moment is not called ours", func(t *testing.T) {
				b := start(t)
				e := edit("_mta-sts", "TXT", list(sts1), nil)
				b.put(t, e.Name, e.Type, sts1)
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.Method == http.MethodGet {
						return nil
					}
					b.put(t, e.Name, e.Type, "other")
					return &vendor.Fault{Cut: true}
				})
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
				if r.Outcome != rollout.Unknown || !strings.Contains(r.Detail, "other") || err == nil {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
			})
			t.Run("an API that hangs is given up", func(t *testing.T) {
				b := start(t)
				release := make(chan struct{})
				defer close(release)
				b.interfere(func(r *http.Request) *vendor.Fault {
					if r.Method == http.MethodGet {
						return nil
					}
					return &vendor.Fault{Hang: release}
				})
				r, err := b.open(t, dns.Options{Patience: 300 * time.Millisecond}).Apply(ctx(t), edit("_mta-sts", "TXT", nil, list(sts1)))
				if r.Outcome != rollout.Failed || err == nil || strings.Contains(err.Error(), "context") {
					t.Errorf("outcome %s, %v", r.Outcome, err)
				}
			})
		})
	}
}

// TestUpdateIsComparedByTheServer: with rfc2136 a change between reading and
// writing is refused by the name server itself.
func TestUpdateIsComparedByTheServer(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		b := rfc2136Bench(t, refuse)
		for _, tc := range []struct {
			shows, typ, name         string
			before, after, meanwhile []string
		}{
			{"changed meanwhile", "TXT", "_mta-sts", list(sts1), list(sts2), list("other")},
			{"created meanwhile", "TXT", "_mta-sts", nil, list(sts2), list("other")},
			{"deleted meanwhile", "TXT", "_mta-sts", list(sts1), list(sts2), nil},
			{"grown meanwhile", "TXT", "_smtp._tls", list(rpt), list("new"), list(rpt, "other")},
		} {
			t.Run(tc.shows, func(t *testing.T) {
				e := edit(tc.name, tc.typ, tc.before, tc.after)
				b.put(t, e.Name, e.Type, tc.before...)
				b.meanwhile(func() { b.put(t, e.Name, e.Type, tc.meanwhile...) })
				written := b.writes(e.Name)
				r, err := b.open(t, dns.Options{}).Apply(ctx(t), e)
				if r.Outcome != rollout.Refused || !errors.Is(err, rollout.ErrStale) || b.writes(e.Name) != written {
					t.Errorf("outcome %s after %d writes, %v", r.Outcome, b.writes(e.Name)-written, err)
				}
				if !r.Saw.Equal(rollout.Records(tc.meanwhile...)) {
					t.Errorf("saw %s", r.Saw)
				}
			})
		}
	}
}
