"""What a person types and sees; every command parses, makes one service call and renders what comes back."""
