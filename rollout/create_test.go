package rollout_test

import (
	"context"
	"errors"
	"testing"

	"belay/rollout"
)

func TestRefusedSettingsSayOnceWhatIsWrong(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*rollout.Settings)
		want   string
	}{
		"a report address": {func(s *rollout.Settings) { s.RUA = []string{"corp"} },
			`settings: report address "corp": has no scheme such as mailto:`},
		"an mx pattern": {func(s *rollout.Settings) { s.MX = []string{"mx1..corp.test"} },
			`settings: mx pattern "mx1..corp.test": has an empty label`},
	} {
		s := hasty()
		row.change(&s)
		if err := s.Validate(); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", name, err, row.want)
		}
	}
}

func TestALookThatFailsIsNamedOnce(t *testing.T) {
	r := newRig(t)
	r.engine.Looker = failingLook{}
	_, err := r.engine.Create(t.Context(), domain, hasty(), nil)
	if want := "start a rollout of corp.test: look at corp.test: no name server answers"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// failingLook fails as package steps does.
type failingLook struct{ rollout.Looker }

func (failingLook) Look(context.Context, string, rollout.Ledger, rollout.Sink) (rollout.Evidence, error) {
	return rollout.Evidence{}, errors.New("look at corp.test: no name server answers")
}
