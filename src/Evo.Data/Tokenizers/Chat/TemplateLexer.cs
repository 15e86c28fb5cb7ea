using System.Text;

namespace Evo.Data;

/// <summary>What a token of a chat template is.</summary>
internal enum TemplateTokenKind
{
    /// <summary>Text between tags.</summary>
    Data,

    /// <summary><c>{{</c> and <c>}}</c>.</summary>
    PrintBegin,
    PrintEnd,

    /// <summary><c>{%</c> and <c>%}</c>.</summary>
    BlockBegin,
    BlockEnd,
    Name,
    Text,
    Number,
    Operator,
    End,
}

/// <summary>A token and the line it stands in.</summary>
internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Value, int Line)
{
    public bool Is(string value) => Kind is TemplateTokenKind.Name or TemplateTokenKind.Operator && Value == value;
}

/// <summary>
/// Cuts a template into tokens, as Jinja does with trim_blocks and lstrip_blocks, which chat templates are written for:
/// the line break behind a block goes, and so do the spaces between the beginning of a line and a block.
/// </summary>
internal sealed class TemplateLexer(string where, string source)
{
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "//", "**", .. "+-*/%~<>=.,:|()[]{}".Select(sign => sign.ToString())];
    private readonly string source = WithoutLastBreak(source.ReplaceLineEndings("\n"));
    private readonly List<TemplateToken> tokens = [];
    private int at, line = 1;

    public List<TemplateToken> Read()
    {
        var atLineStart = true;
        while (at < source.Length)
        {
            var tag = NextTag();
            var text = source[at..tag];
            var kind = tag < source.Length ? source[tag + 1] : ' ';
            var sign = tag + 2 < source.Length ? source[tag + 2] : ' ';
            Add(TemplateTokenKind.Data, Before(text, kind, sign, atLineStart));
            Advance(tag);
            if (at == source.Length) break;
            Advance(at + 2 + (sign is '-' or '+' ? 1 : 0));
            if (kind == '#') SkipComment();
            else ReadTag(kind == '%');
            atLineStart = source[at - 1] == '\n';
        }
        Add(TemplateTokenKind.End, "the end of the template");
        return tokens;
    }

    private static string WithoutLastBreak(string text) => text.EndsWith('\n') ? text[..^1] : text;

    private int NextTag()
    {
        for (var i = at; i + 1 < source.Length; i++)
            if (source[i] == '{' && source[i + 1] is '{' or '%' or '#') return i;
        return source.Length;
    }

    // What stays of the text before a tag.
    private static string Before(string text, char kind, char sign, bool atLineStart)
    {
        if (kind is ' ') return text;
        if (sign == '-') return text.TrimEnd(TemplateText.Spaces);
        if (kind == '{' || sign == '+') return text;
        var start = text.LastIndexOf('\n') + 1;
        return (start > 0 || atLineStart) && string.IsNullOrWhiteSpace(text[start..]) ? text[..start] : text;
    }

    private void SkipComment()
    {
        var end = source.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0) throw Bad("a comment without an end");
        var sign = source[end - 1];
        Advance(end + 2);
        SkipAfter(sign, breakToo: true);
    }

    private void ReadTag(bool block)
    {
        Add(block ? TemplateTokenKind.BlockBegin : TemplateTokenKind.PrintBegin, block ? "{%" : "{{");
        var close = block ? "%}" : "}}";
        var depth = 0;
        while (true)
        {
            while (at < source.Length && char.IsWhiteSpace(source[at])) Advance(at + 1);
            if (at == source.Length) throw Bad($"a tag without {close}");
            var sign = source[at];
            var end = sign is '-' or '+' ? at + 1 : at;
            if (depth == 0 && string.CompareOrdinal(source, end, close, 0, 2) == 0)
            {
                Add(block ? TemplateTokenKind.BlockEnd : TemplateTokenKind.PrintEnd, close);
                Advance(end + 2);
                SkipAfter(sign, breakToo: block);
                return;
            }
            if (char.IsAsciiLetter(sign) || sign == '_') Take(TemplateTokenKind.Name, c => char.IsAsciiLetterOrDigit(c) || c == '_');
            else if (char.IsAsciiDigit(sign)) ReadNumber();
            else if (sign is '"' or '\'') ReadText(sign);
            else
            {
                var found = Array.Find(Operators, name => string.CompareOrdinal(source, at, name, 0, name.Length) == 0) ?? throw Bad($"'{sign}' in a tag");
                depth += found is "(" or "[" or "{" ? 1 : found is ")" or "]" or "}" ? -1 : 0;
                if (depth < 0) throw Bad($"'{found}' that nothing opened");
                Add(TemplateTokenKind.Operator, found);
                Advance(at + found.Length);
            }
        }
    }

    private void SkipAfter(char sign, bool breakToo)
    {
        if (sign == '-')
            while (at < source.Length && TemplateText.Spaces.Contains(source[at])) Advance(at + 1);
        else if (breakToo && sign != '+' && at < source.Length && source[at] == '\n')
            Advance(at + 1);
    }

    private void Take(TemplateTokenKind kind, Func<char, bool> belongs)
    {
        var end = at;
        while (end < source.Length && belongs(source[end])) end++;
        Add(kind, source[at..end]);
        Advance(end);
    }

    private void ReadNumber()
    {
        var end = at;
        while (end < source.Length && char.IsAsciiDigit(source[end])) end++;
        if (end + 1 < source.Length && source[end] == '.' && char.IsAsciiDigit(source[end + 1]))
            for (end++; end < source.Length && char.IsAsciiDigit(source[end]); end++) ;
        if (end - at > 18) throw Bad("a number of more than 18 digits");
        Add(TemplateTokenKind.Number, source[at..end]);
        Advance(end);
    }

    private void ReadText(char quote)
    {
        var text = new StringBuilder();
        for (var i = at + 1; i < source.Length; i++)
        {
            if (source[i] == quote)
            {
                Add(TemplateTokenKind.Text, text.ToString());
                Advance(i + 1);
                return;
            }
            if (source[i] != '\\')
            {
                text.Append(source[i]);
                continue;
            }
            if (++i == source.Length) break;
            switch (source[i])
            {
                case 'n': text.Append('\n'); break;
                case 't': text.Append('\t'); break;
                case 'r': text.Append('\r'); break;
                case '\\' or '\'' or '"': text.Append(source[i]); break;
                case 'u' when i + 4 < source.Length && int.TryParse(source.AsSpan(i + 1, 4), System.Globalization.NumberStyles.AllowHexSpecifier,
                    System.Globalization.CultureInfo.InvariantCulture, out var unit):
                    text.Append((char)unit);
                    i += 4;
                    break;
                default: throw Bad($"'\\{source[i]}' in a text");
            }
        }
        throw Bad("a text without an end");
    }

    private void Add(TemplateTokenKind kind, string value)
    {
        if (kind != TemplateTokenKind.Data || value.Length > 0) tokens.Add(new(kind, value, line));
    }

    private void Advance(int to)
    {
        line += source.AsSpan(at, to - at).Count('\n');
        at = to;
    }

    private DataException Bad(string found) => new($"{where}:{line}", found, "a chat template is written in Jinja");
}
