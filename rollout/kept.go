package rollout

import "time"

// KeptMail is a mail or file as it came, with what was read of it, so that a better
// parser can read it again.
type KeptMail struct {
	ID       int64
	Path     string
	Received time.Time
	// Raw is nil where what was kept is damaged: it is no longer the mail that came.
	Raw     []byte
	Reports []KeptReport
}

// Reading is what reading a kept mail again gave.
type Reading struct {
	Reports []ReceivedReport
	// Whole is true where nothing in the mail was left that could not be read or taken:
	// then what stands of it and is not among Reports was never in it.
	Whole bool
}

// KeptReport is how a report out of a kept mail stands in the store.
type KeptReport struct {
	Domain   string
	Standing Standing
}
