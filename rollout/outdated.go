package rollout

import "slices"

// outdate marks the unfinished plan as one to be made again where it writes what
// the new settings say otherwise: it would be resumed for ever against the
// operator's word.
func (r *Rollout) outdate(s Settings) {
	if _, busy := r.Unfinished(); !busy {
		return
	}
	last := &r.Plans[len(r.Plans)-1]
	old := r.Settings
	// Another host, or another way to it, is often named because the plan does not
	// come on with the old one: what leads there stands before whatever waits for it.
	host := old.Host != s.Host || old.HostCNAME != s.HostCNAME || old.Delegate.Host != s.Delegate.Host || !slices.Equal(old.HostAddresses, s.HostAddresses)
	records := old.DNS != s.DNS || old.Delegate != s.Delegate || !slices.Equal(old.RUA, s.RUA)
	policy := old.DNS != s.DNS || !slices.Equal(old.MX, s.MX) || s.MaxAge < last.Plan.Rung
	_, writes := last.Plan.Policy()
	announces := slices.ContainsFunc(last.Plan.Edits, Edit.Announces)
	last.Outdated = last.Outdated || host || records && !announces || policy && (writes || announces)
}
