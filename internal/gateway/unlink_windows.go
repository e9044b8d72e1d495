package gateway

// unlinkOpen: Windows removes no file that is open, so it goes when closed.
const unlinkOpen = false
