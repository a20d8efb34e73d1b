package main

import (
	"testing"

	"belay/providers/lab"
	"belay/providers/lab/vendor"
	"belay/rollout"
)

// follows lets the lab's name servers answer with what a vendor's zone holds.
func (b *box) follows() vendor.Hooks {
	return vendor.Hooks{OnChange: func(name, typ string, ttl uint32, values []string) {
		if err := b.SetRRset(name, typ, ttl, values...); err != nil {
			b.t.Errorf("serve the vendor's zone: %v", err)
		}
	}}
}

// TestNextLeadsToHoldingThroughVendors walks a whole rollout with the records at a
// vendor's API, quirks included.
func TestNextLeadsToHoldingThroughVendors(t *testing.T) {
	for _, tc := range []struct {
		provider string
		serve    func(t *testing.T, b *box) (writes func(name string) int)
	}{
		{"cloudflare", func(t *testing.T, b *box) func(string) int {
			api := vendor.NewCloudflare(b.Domain())
			t.Cleanup(api.Close)
			api.SetHooks(b.follows())
			b.env["CLOUDFLARE_BASE_URL"], b.env["CLOUDFLARE_API_TOKEN"] = api.URL(), api.Token
			return api.Writes
		}},
		{"route53", func(t *testing.T, b *box) func(string) int {
			api := vendor.NewRoute53(b.Domain())
			t.Cleanup(api.Close)
			api.SetHooks(b.follows())
			// What the SDK reads by itself stands in the process's environment.
			for name, value := range map[string]string{
				"AWS_ENDPOINT_URL_ROUTE_53": api.URL(), "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
				"AWS_EC2_METADATA_DISABLED": "true",
			} {
				t.Setenv(name, value)
			}
			b.env["AWS_ACCESS_KEY_ID"], b.env["AWS_SECRET_ACCESS_KEY"], b.env["AWS_REGION"] = api.AccessKeyID, "not-a-real-secret-key", "us-east-1"
			return api.Writes
		}},
	} {
		t.Run(tc.provider, func(t *testing.T) {
			b := newBox(t, lab.Options{})
			writes := tc.serve(t, b)
			b.start("--dns", tc.provider)
			b.to(rollout.Holding)
			if s := b.check(); s.Policy.Mode != "enforce" || s.Policy.MaxAge != 2592000 {
				t.Errorf("at the end stands %+v", s.Policy)
			}
			// The id is announced four times: testing, enforce, two rungs.
			for name, want := range map[string]int{"_mta-sts.corp.test": 4, "_smtp._tls.corp.test": 1, "mta-sts.corp.test": 2, "corp.test": 0} {
				if got := writes(name); got != want {
					t.Errorf("%s was written %d times, want %d", name, got, want)
				}
			}
		})
	}
}
