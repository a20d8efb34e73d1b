package main

// unattended has a be used by a server: nobody is asked to type what a login lacks, for
// nobody sits there when a certificate is due, and a login is read again for each
// order, since what stood in its file or in the keyring when the server was started
// may have been replaced since. It must not be called once a is in use.
func (a *accounts) unattended() {
	a.ask, a.anew = nil, true
}
