package finding

var preparation, mailHosts, reporting, publishing, policyHost, policyContent, stsRecord, review, enforcing, raising, operating []Entry
