"""One file, one render() a panel. Panels do not know each other; they meet in state."""
