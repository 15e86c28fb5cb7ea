using System.Buffers.Text;
using System.Text.Json;

namespace Evo.Data;

/// <summary>
/// One record of a token file: the line <c>{"tokens": [1, -2, 3]}</c>. Numbers are read straight from the bytes, as
/// JSON readers spend most of their time on what cannot occur here; other spellings of the same JSON are read too.
/// </summary>
internal static class TokenRecord
{
    private static ReadOnlySpan<byte> Beginning => "{\"tokens\": ["u8;

    /// <summary>Reads tokens of a record into a span.</summary>
    /// <param name="record">The record's bytes, up to the next record or the end of the file.</param>
    /// <param name="skip">Tokens to pass over.</param>
    /// <param name="tokens">What to fill; signs are kept.</param>
    /// <param name="ends">Whether the record must end after these tokens.</param>
    /// <returns>Null, or what is wrong and at which byte of the record.</returns>
    public static (string Found, int At)? Read(ReadOnlySpan<byte> record, int skip, Span<int> tokens, bool ends)
    {
        if (tokens.IsEmpty && skip > 0) return null;
        if (!record.StartsWith(Beginning)) return ReadAnyJson(record, skip, tokens, ends);
        var at = Beginning.Length;
        for (var skipped = 0; skipped < skip; skipped++)
        {
            var comma = record[at..].IndexOf((byte)',');
            if (comma < 0) return ($"only {skipped + 1} tokens", record.Length);
            at += comma + 1;
        }
        for (var i = 0; i < tokens.Length; i++)
        {
            if (at < record.Length && record[at] == ' ') at++;
            if (!Utf8Parser.TryParse(record[at..], out int token, out var digits)) return (Describe(record, at, "a whole number"), at);
            tokens[i] = token;
            at += digits;
            var last = i == tokens.Length - 1;
            var next = at < record.Length ? record[at] : (byte)0;
            if (next == ',' && !(last && ends)) at++;
            else if (!last) return (next == ']' ? $"only {skip + i + 1} tokens" : Describe(record, at, "a comma"), at);
            else if (next == ',' && ends) return ($"more than {skip + tokens.Length} tokens", at);
            else if (next != ']') return (Describe(record, at, "a comma or ']'"), at);
        }
        if (!ends) return null;
        if (tokens.Length == 0 && (at >= record.Length || record[at] != ']')) return (Describe(record, at, "']'"), at);
        return record[at..].TrimEnd(" \r\n"u8).SequenceEqual("]}"u8) ? null : (Describe(record, at + 1, "'}' and the end of the line"), at + 1);
    }

    private static (string Found, int At)? ReadAnyJson(ReadOnlySpan<byte> record, int skip, Span<int> tokens, bool ends)
    {
        var reader = new Utf8JsonReader(record);
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return (Describe(record, 0, "'{\"tokens\": ['"), 0);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isTokens = reader.ValueTextEquals("tokens"u8);
                reader.Read();
                if (!isTokens)
                {
                    reader.Skip();
                    continue;
                }
                if (reader.TokenType != JsonTokenType.StartArray) return ("'tokens' is no list", (int)reader.TokenStartIndex);
                for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
                {
                    if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out var token))
                        return (Describe(record, (int)reader.TokenStartIndex, "a whole number"), (int)reader.TokenStartIndex);
                    if (i >= skip && i < skip + tokens.Length) tokens[i - skip] = token;
                    else if (i >= skip && ends) return ($"more than {skip + tokens.Length} tokens", (int)reader.TokenStartIndex);
                    if (i + 1 == skip + tokens.Length && !ends) return null;
                }
                return null;
            }
            return ("no key 'tokens'", 0);
        }
        catch (JsonException error)
        {
            return (error.Message, (int)reader.TokenStartIndex);
        }
    }

    private static string Describe(ReadOnlySpan<byte> record, int at, string wanted) =>
        at >= record.Length
            ? $"the end of the record where {wanted} should be"
            : $"{(record[at] is >= 0x20 and < 0x7F ? $"'{(char)record[at]}'" : $"byte 0x{record[at]:X2}")} where {wanted} should be";
}
