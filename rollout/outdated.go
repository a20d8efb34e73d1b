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
	records := old.DNS != s.DNS || old.HostCNAME != s.HostCNAME || old.Delegate != s.Delegate ||
		!slices.Equal(old.HostAddresses, s.HostAddresses) || !slices.Equal(old.RUA, s.RUA)
	policy := old.Host != s.Host || old.DNS != s.DNS || !slices.Equal(old.MX, s.MX) || s.MaxAge < last.Plan.Rung
	_, writes := last.Plan.Policy()
	announces := slices.ContainsFunc(last.Plan.Edits, Edit.Announces)
	last.Outdated = last.Outdated || records && !announces || policy && (writes || announces)
}
