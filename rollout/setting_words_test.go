package rollout_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"belay/rollout"
)

// told is what the last entry of a journal says, begun with the settings that were and
// going on to those that are.
func told(was, are rollout.Settings) []string {
	all := rollout.SettingsTold([]rollout.Entry{
		{Domain: domain, Kind: rollout.Created, Settings: &was}, {Domain: domain, Kind: rollout.Mended}, {Domain: domain, Kind: rollout.Set, Settings: &are},
	})
	return all[2]
}

func TestAChangedSettingIsToldFromWhatToWhat(t *testing.T) {
	for _, row := range []struct {
		shows  string
		change func(s *rollout.Settings)
		want   []string
	}{
		{"a clean time", func(s *rollout.Settings) { s.Soak.Testing = 30 * rollout.Day }, []string{"soak testing 30d (was 14d)"}},
		{"none at all", func(s *rollout.Settings) { s.Soak.Silent = 0 }, []string{"soak silent 0 (was 28d)"}},
		{"the time before every rung", func(s *rollout.Settings) { s.Soak.Set(0, 3*rollout.Day) }, []string{"soak max-age 3d (was as usual)", "soak max-age.604800 as usual (was 10d)"}},
		{"the time before one rung", func(s *rollout.Settings) { s.Soak.Set(rollout.WeekMaxAge, rollout.Day) }, []string{"soak max-age.604800 1d (was 10d)"}},
		{"how many reporters", func(s *rollout.Settings) { s.MinReporters = 0 }, []string{"min-reporters 0 (was 2)"}},
		{"where reports go", func(s *rollout.Settings) { s.RUA = append(s.RUA, "mailto:b@corp.test") }, []string{"rua mailto:a@corp.test, mailto:b@corp.test (was mailto:a@corp.test)"}},
		{"a TTL", func(s *rollout.Settings) { s.TTL = 7200 }, []string{"ttl 7200 (was as it stands)"}},
		{"the address", func(s *rollout.Settings) { s.HostAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.9")} }, []string{"host-address 192.0.2.9 (was none)"}},
		{"a vendor", func(s *rollout.Settings) {
			s.Delegate = rollout.Delegation{Vendor: "Somebody", Host: "{domain}.vendor.example"}
		},
			[]string{"delegate to Somebody, mta-sts to corp.test.vendor.example (was to nobody)"}},
		{"a consent", func(s *rollout.Settings) { s.Challenge = rollout.ChallengeDNS },
			[]string{"certificates by DNS: belay may write _acme-challenge.mta-sts.corp.test (was not by DNS)"}},
		{"two things", func(s *rollout.Settings) { s.DNS.Name = "work"; s.Stray = 0 }, []string{"dns rfc2136/work (was rfc2136)", "stray 0 (was 5)"}},
		{"nothing", func(*rollout.Settings) {}, []string{"nothing changed"}},
	} {
		t.Run(row.shows, func(t *testing.T) {
			begin := func() rollout.Settings {
				s := rollout.DefaultSettings()
				s.DNS.Provider, s.RUA = "rfc2136", []string{"mailto:a@corp.test"}
				s.Soak.Set(rollout.WeekMaxAge, 10*rollout.Day)
				return s
			}
			was, are := begin(), begin()
			row.change(&are)
			if row.shows == "the time before every rung" {
				delete(are.Soak.MaxAge, rollout.WeekMaxAge)
			}
			if got := told(was, are); !slices.Equal(got, row.want) {
				t.Errorf("it says %q, want %q", got, row.want)
			}
		})
	}
}

// What a rollout began with that opens gates sooner is told, too.
func TestWhatARolloutBeganWithIsTold(t *testing.T) {
	s := rollout.DefaultSettings()
	s.DNS.Provider, s.Host = "rfc2136", rollout.HostAccount{Kind: "webroot", Place: "/srv/www"}
	s.Soak.Testing, s.MinReporters = 0, 0
	got := rollout.SettingsTold([]rollout.Entry{{Domain: domain, Kind: rollout.Created, Settings: &s}})[0]
	if want := []string{"dns rfc2136, host webroot:/srv/www, target max_age 2592000", "soak testing 0 (default 14d)", "min-reporters 0 (default 2)"}; !slices.Equal(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// TestNoSettingChangesInSilence goes through the fields of Settings, so that a new one
// is told, too.
func TestNoSettingChangesInSilence(t *testing.T) {
	var walk func(path string, v reflect.Value, change func())
	walk = func(path string, v reflect.Value, check func()) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[netip.Addr]() {
				v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.77")))
				check()
				return
			}
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i), check)
			}
			return
		case reflect.String:
			v.SetString(v.String() + "dns")
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Uint32:
			v.SetUint(v.Uint() + 1)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			walk(path, v.Index(0), func() {})
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.Zero(v.Type().Key()), reflect.ValueOf(rollout.Day))
		default:
			t.Fatalf("%s is of a kind that this test does not change", path)
		}
		check()
	}
	now := rollout.DefaultSettings()
	now.Delegate = rollout.Delegation{Vendor: "v", Record: "a.example", Reports: "b.example", Host: "c.example"}
	was := now
	walk("Settings", reflect.ValueOf(&now).Elem(), func() {
		if said := strings.Join(told(was, now), "; "); said == "nothing changed" {
			t.Errorf("a change is not told: %+v", now)
		}
		was = now
	})
}
