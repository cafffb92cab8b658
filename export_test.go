package oauthrefresh

// What the tests of the paths look at.
const CleanTimeout = cleanTimeout

var NewBackend = newBackend
