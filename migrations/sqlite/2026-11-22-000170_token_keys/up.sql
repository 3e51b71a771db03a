-- The key that signed a token which only its record tells about: encrypted, or of a status list. When the
-- key is withdrawn, so is the token.
ALTER TABLE issued_tokens ADD COLUMN kid TEXT;
