package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/providers/inbox"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

func mails(from, to int) []string {
	var out []string
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf("Subject: %d\r\n\r\nmail\r\n", i))
	}
	return out
}

func TestReadsOnceAndGoesOn(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 150)...)
	var m memory
	b := d.box(&m, nil)
	defer b.Close()
	got, err := read(t, b)
	if err != nil || !slices.Equal(got, mails(1, 150)) {
		t.Fatalf("%d mails, error %v", len(got), err)
	}
	if b.Total() != 150 || m.at.UID != 150 || m.at.Validity == 0 {
		t.Errorf("total %d, cursor %+v", b.Total(), m.at)
	}
	if got, err := read(t, b); err != nil || len(got) != 0 {
		t.Errorf("read again: %q, error %v", got, err)
	}
	d.add(t, "INBOX", mails(151, 152)...)
	if got, err := read(t, b); err != nil || !slices.Equal(got, mails(151, 152)) {
		t.Errorf("what came: %q, error %v", got, err)
	}
	if got, err := read(t, d.box(&m, nil)); err != nil || len(got) != 0 {
		t.Errorf("by another process: %q, error %v", got, err)
	}
	if talk := d.talk(); !strings.Contains(talk, "EXAMINE") || strings.Contains(talk, " SELECT ") || strings.Contains(talk, " STORE ") || !strings.Contains(talk, "BODY.PEEK[]") {
		t.Error("the folder was not opened for reading alone")
	}
	if seen := flagged(t, d, "INBOX"); seen != 0 {
		t.Errorf("%d mails are marked as seen", seen)
	}
}

func TestMarksAsSeenWhereAsked(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 3)...)
	b := d.box(&memory{}, func(_ *Account, o *Options) { o.MarkSeen = true })
	defer b.Close()
	if got, err := read(t, b); err != nil || len(got) != 3 {
		t.Fatalf("%q, error %v", got, err)
	}
	if seen := flagged(t, d, "INBOX"); seen != 3 {
		t.Errorf("%d of 3 mails are marked as seen", seen)
	}
}

// flagged counts the mails of a folder that are marked as seen.
func flagged(t *testing.T, d *dovecot, folder string) int {
	t.Helper()
	status, err := d.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	if err != nil {
		t.Fatal(err)
	}
	return int(*status.NumMessages - *status.NumUnseen)
}

func TestFolderMadeAnew(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 5)...)
	var m memory
	if _, err := read(t, d.box(&m, nil)); err != nil {
		t.Fatal(err)
	}
	before := m.at
	if err := errors.Join(d.user.Delete("INBOX"), d.user.Create("INBOX", nil)); err != nil {
		t.Fatal(err)
	}
	d.add(t, "INBOX", mails(4, 6)...)
	b := d.box(&m, nil)
	got, err := read(t, b)
	if err != nil || !slices.Equal(got, mails(4, 6)) || m.at.Validity == before.Validity || m.at.UID != 3 {
		t.Errorf("%q, error %v, cursor %+v after %+v", got, err, m.at, before)
	}
	if !strings.Contains(b.Note(), "made anew") {
		t.Errorf("note %q", b.Note())
	}
}

// What of the old folder is still under way must not be noted as read in the new one.
func TestFolderMadeAnewWhileItIsRead(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 200)...)
	var m memory
	b := d.box(&m, func(_ *Account, o *Options) { o.MarkSeen = true })
	defer b.Close()
	var handed []inbox.Mail
	err := b.Mails(t.Context(), func(mail inbox.Mail) error {
		handed = append(handed, mail)
		switch {
		case len(handed) == 100:
			if err := errors.Join(d.user.Delete("INBOX"), d.user.Create("INBOX", nil)); err != nil {
				t.Error(err)
			}
			d.add(t, "INBOX", mails(201, 203)...)
			d.cut()
		case mail.Mark > handed[0].Mark+1<<31:
			old := handed[len(handed)-2]
			if old.Mark < mail.Mark-1 {
				return b.Keep(t.Context(), inbox.Kept{UpTo: old.Mark, Taken: []uint64{old.Mark}})
			}
		}
		return nil
	})
	last := handed[len(handed)-1]
	if err != nil || string(last.Raw) != mails(203, 203)[0] || m.at.UID != 0 {
		t.Fatalf("%d mails, the last %q, error %v, cursor %+v", len(handed), last.Raw, err, m.at)
	}
	if err := b.Settle(t.Context()); err != nil || flagged(t, d, "INBOX") != 0 {
		t.Errorf("error %v, %d mails of the new folder are marked as seen", err, flagged(t, d, "INBOX"))
	}
	if err := b.Keep(t.Context(), inbox.Kept{UpTo: last.Mark}); err != nil || m.at.UID != 3 {
		t.Errorf("error %v, cursor %+v", err, m.at)
	}
}

func TestWhatIsNotKeptIsReadAgain(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 9)...)
	var m memory
	full := errors.New("the disk is full")
	b := d.box(&m, nil)
	n := 0
	var third uint64
	err := b.Mails(t.Context(), func(m inbox.Mail) error {
		switch n++; n {
		case 3:
			third = m.Mark
		case 5:
			return full
		}
		return nil
	})
	if !errors.Is(err, full) {
		t.Fatalf("error %v", err)
	}
	if err := b.Keep(t.Context(), inbox.Kept{UpTo: third}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if got, err := read(t, d.box(&m, nil)); err != nil || !slices.Equal(got, mails(4, 9)) {
		t.Errorf("%q, error %v", got, err)
	}
}

func TestLostConnectionIsMadeAgain(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 200)...)
	var got []string
	b := d.box(&memory{}, nil)
	defer b.Close()
	err := b.Mails(t.Context(), func(m inbox.Mail) error {
		if got = append(got, string(m.Raw)); len(got) == 100 {
			d.cut()
		}
		return nil
	})
	if err != nil || !slices.Equal(got, mails(1, 200)) {
		t.Errorf("%d mails, error %v; want each of 200 once", len(got), err)
	}
}

// crowded is a session that lets nobody in just now.
type crowded struct{ imapserver.Session }

func (crowded) Login(string, string) error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeLimit, Text: "Too many connections"}
}

func TestOneClearSentence(t *testing.T) {
	for name, row := range map[string]struct {
		odd               odd
		change            func(*Account, *Options)
		want              string
		hopeless, refused bool
	}{
		"wrong password": {odd{}, func(_ *Account, o *Options) {
			o.Password = func(context.Context) (string, error) { return "wrong", nil }
		}, `log in at imap.corp.test: it refuses "tlsrpt@corp.test": it says "Authentication failed"`, true, true},
		"no password": {odd{}, func(_ *Account, o *Options) {
			o.Password = func(context.Context) (string, error) { return "", errors.New("set BELAY_IMAP_PASSWORD") }
		}, "set BELAY_IMAP_PASSWORD", true, true},
		"too many logins": {odd{session: func(s imapserver.Session) imapserver.Session { return crowded{s} }}, nil,
			`log in at imap.corp.test: it refuses "tlsrpt@corp.test": it says "Too many connections"`, false, true},
		"no such folder": {odd{}, func(a *Account, _ *Options) { a.Folder = "Archive" },
			`open the folder "Archive" at imap.corp.test: it says "No such mailbox"; it has INBOX, Reports/TLS`, false, true},
		"a certificate for another name": {odd{names: []string{"mail.corp.test"}}, nil, "its certificate cannot be trusted: x509: certificate is valid for mail.corp.test, not imap.corp.test; --ca", false, true},
		"an expired certificate":         {odd{expired: true}, nil, "expired", false, true},
		"an unknown authority":           {odd{}, func(_ *Account, o *Options) { _, o.Network.Roots = certificate(t, []string{host}, false) }, "unknown authority", false, true},
		"TLS 1.1":                        {odd{versions: 0x0302}, nil, "begin TLS: remote error: tls: protocol version not supported", false, false},
		"no STARTTLS":                    {odd{startTLS: true}, func(a *Account, _ *Options) { a.StartTLS = true; a.User = user }, "", false, false},
		"TLS where there is none":        {odd{startTLS: true}, nil, "first record does not look like a TLS handshake", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, row.odd)
			b := d.box(&memory{}, row.change)
			defer b.Close()
			_, err := read(t, b)
			if row.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Fatalf("error %v\nwant %s", err, row.want)
			}
			if Hopeless(err) != row.hopeless || Refused(err) != row.refused {
				t.Errorf("hopeless %t, refused %t", Hopeless(err), Refused(err))
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the password stands in it: %v", err)
			}
		})
	}
}

func TestStartTLS(t *testing.T) {
	d := start(t, odd{startTLS: true})
	d.add(t, "Reports/TLS", mails(1, 2)...)
	b := d.box(&memory{}, func(a *Account, _ *Options) { a.StartTLS, a.Folder = true, "Reports/TLS" })
	defer b.Close()
	if got, err := read(t, b); err != nil || len(got) != 2 {
		t.Errorf("%q, error %v", got, err)
	}
}

// holding is a session that keeps some mails to itself, or says less than it should.
type holding struct {
	imapserver.Session
	withhold imap.UID
	validity bool
	times    *int // that it is withheld still
}

func (h holding) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	if uids, ok := set.(imap.UIDSet); ok && len(o.BodySection) > 0 {
		var less imap.UIDSet
		all, _ := uids.Nums()
		for _, uid := range all {
			if uid != h.withhold || *h.times == 0 {
				less.AddNum(uid)
			} else {
				*h.times--
			}
		}
		if len(less) == 0 {
			return nil
		}
		set = less
	}
	return h.Session.Fetch(w, set, o)
}

func (h holding) Select(folder string, o *imap.SelectOptions) (*imap.SelectData, error) {
	data, err := h.Session.Select(folder, o)
	if err == nil && !h.validity {
		data.UIDValidity = 0
	}
	return data, err
}

// later is a clock that runs ahead.
type later time.Duration

func (l later) Now() time.Time { return time.Now().Add(time.Duration(l)) }

func TestMailThatIsNotHandedOut(t *testing.T) {
	for name, row := range map[string]struct {
		times int // that it is not handed out
		after time.Duration
		said  string // in place of it at first
		upTo  uint32
		again []string
	}{
		"once":                 {1, 0, "", 3, nil},
		"for a while":          {2, 0, errHeld.Error(), 1, mails(2, 3)},
		"ever, since long ago": {1 << 30, 2 * holdFor, errNotHere.Error(), 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			left := row.times
			d := start(t, odd{session: func(s imapserver.Session) imapserver.Session { return holding{s, 2, true, &left} }})
			d.add(t, "INBOX", mails(1, 3)...)
			var m memory
			b := d.box(&m, nil)
			b.session, _ = b.open(t.Context()) // while the certificate is good
			b.options.Clock = later(row.after)
			got, err := read(t, b)
			want := mails(1, 3)
			if row.said != "" {
				want[1] = row.said
			}
			slices.Sort(got)
			slices.Sort(want)
			defer b.Close()
			if err != nil || !slices.Equal(got, want) || m.at.UID != row.upTo {
				t.Errorf("%q, error %v, cursor %+v", got, err, m.at)
			}
			if got, err = read(t, b); err != nil || !slices.Equal(got, row.again) || m.at.UID != 3 {
				t.Errorf("again: %q, error %v, cursor %+v", got, err, m.at)
			}
		})
	}
}

// TestTheCursorPassesNoMailThatIsNotKept: a server gives mail 2 after mail 3, and mail
// 3 is kept while mail 2 is on its way into the store. A belay that is killed then
// reads mail 2 again.
func TestTheCursorPassesNoMailThatIsNotKept(t *testing.T) {
	once := 1
	d := start(t, odd{session: func(s imapserver.Session) imapserver.Session { return holding{s, 2, true, &once} }})
	d.add(t, "INBOX", mails(1, 3)...)
	var m memory
	b := d.box(&m, nil)
	defer b.Close()
	var handed []uint64
	err := b.Mails(t.Context(), func(mail inbox.Mail) error {
		if string(mail.Raw) == mails(2, 2)[0] {
			if err := b.Keep(t.Context(), inbox.Kept{UpTo: handed[1]}); err != nil || m.at.UID != 1 {
				t.Errorf("mail 3 is kept and mail 2 is not: error %v, cursor %+v", err, m.at)
			}
		}
		handed = append(handed, mail.Mark)
		return nil
	})
	if err != nil || len(handed) != 3 || handed[1] < handed[2] {
		t.Fatalf("handed over as %v, error %v", handed, err)
	}
	if err := b.Keep(t.Context(), inbox.Kept{UpTo: handed[1]}); err != nil || m.at.UID != 1 {
		t.Errorf("mail 2 is not kept: error %v, cursor %+v", err, m.at)
	}
	if err := b.Keep(t.Context(), inbox.Kept{UpTo: handed[2]}); err != nil || m.at.UID != 3 {
		t.Errorf("all are kept: error %v, cursor %+v", err, m.at)
	}
}

func TestFolderWithoutUIDValidity(t *testing.T) {
	d := start(t, odd{session: func(s imapserver.Session) imapserver.Session { return holding{s, 0, false, new(int)} }})
	d.add(t, "INBOX", mails(1, 3)...)
	if _, err := read(t, d.box(&memory{}, nil)); err == nil || !strings.Contains(err.Error(), "UIDVALIDITY") {
		t.Errorf("error %v", err)
	}
}

func TestMailThatIsTooLarge(t *testing.T) {
	d := start(t, odd{})
	d.add(t, "INBOX", mails(1, 1)[0], "Subject: 2\r\n\r\n"+strings.Repeat("x", inbox.MaxMail), mails(3, 3)[0])
	got, err := read(t, d.box(&memory{}, nil))
	if err != nil || len(got) != 3 || got[1] != "20 MB large; at most 20 MB are read" || got[2] != mails(3, 3)[0] {
		t.Errorf("%.200q, error %v", got, err)
	}
}
