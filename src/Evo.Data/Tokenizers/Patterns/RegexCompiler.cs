using System.Globalization;
using System.Text;

namespace Evo.Data;

/// <summary>
/// Reads the part of regular expressions that split patterns are written in: classes with \p{…}, \s, \d, \w and
/// ranges, groups, (?i:…), lookahead, atomic groups, greedy and possessive repeats. Anything else is refused at its place.
/// </summary>
internal sealed class RegexCompiler(string where, string pattern)
{
    private const int Endless = int.MaxValue, MostCopies = 1000, MostSteps = 20_000, MostDepth = 100;
    private readonly Rune[] pattern = [.. pattern.EnumerateRunes()];
    private int at, depth;

    /// <summary>The program; refused where it could match nothing at all.</summary>
    public RegexStep[] Compile()
    {
        var (steps, least) = Alternatives(false);
        if (at < pattern.Length) throw Bad("')' without '('");
        if (least == 0) throw Bad("a pattern that may match an empty text", "a split pattern must take at least one character");
        return Program(steps);
    }

    private static RegexStep[] Program(List<RegexStep> steps) => [.. steps, new RegexStep.Matched()];

    // Steps count from the beginning of their own list until lists are joined: so jumps are shifted when they are.
    private (List<RegexStep> Steps, int Least) Alternatives(bool ignoreCase)
    {
        if (++depth > MostDepth) throw Bad("too many groups in each other");
        var branches = new List<(List<RegexStep> Steps, int Least)> { Sequence(ignoreCase) };
        while (Accept('|')) branches.Add(Sequence(ignoreCase));
        var steps = branches[^1].Steps;
        for (var i = branches.Count - 2; i >= 0; i--)
        {
            var first = branches[i].Steps;
            var both = new List<RegexStep> { new RegexStep.Fork(1, first.Count + 2) };
            Append(both, first);
            both.Add(new RegexStep.Jump(first.Count + 2 + steps.Count));
            Append(both, steps);
            steps = both;
        }
        depth--;
        return (steps, branches.Min(branch => branch.Least));
    }

    private (List<RegexStep> Steps, int Least) Sequence(bool ignoreCase)
    {
        var steps = new List<RegexStep>();
        var least = 0;
        while (at < pattern.Length && pattern[at].Value is not ('|' or ')'))
        {
            var (part, partLeast) = Repeated(ignoreCase);
            Append(steps, part);
            least = Math.Min(least + partLeast, 1 << 20);
        }
        return (steps, least);
    }

    private (List<RegexStep> Steps, int Least) Repeated(bool ignoreCase)
    {
        var start = at;
        var (part, least) = Atom(ignoreCase);
        if (Repeat() is not var (from, to, possessive)) return (part, least);
        if (part is [RegexStep.Take { Least: 1, Most: 1 } single])
            return ([single with { Least = from, Most = to, Possessive = possessive }], from);
        if (least == 0) throw Bad("a repeat of what may be empty", null, start);
        if (from > MostCopies || (to != Endless && to > MostCopies)) throw Bad($"a repeat of more than {MostCopies}", null, start);

        var steps = new List<RegexStep>();
        for (var i = 0; i < from; i++) Append(steps, part);
        if (to == Endless)
        {
            var loop = steps.Count;
            steps.Add(new RegexStep.Fork(loop + 1, loop + part.Count + 2));
            Append(steps, part);
            steps.Add(new RegexStep.Jump(loop));
        }
        else
        {
            var end = steps.Count + (to - from) * (part.Count + 1);
            for (var i = from; i < to; i++)
            {
                steps.Add(new RegexStep.Fork(steps.Count + 1, end));
                Append(steps, part);
            }
        }
        return (possessive ? [new RegexStep.Atomic(Program(steps))] : steps, from == 0 ? 0 : least);
    }

    // ?, *, +, {n}, {n,}, {,m}, {n,m}, each with + for possessive; null where none stands here.
    private (int From, int To, bool Possessive)? Repeat()
    {
        if (at == pattern.Length) return null;
        (int, int) range;
        switch (pattern[at].Value)
        {
            case '?': range = (0, 1); at++; break;
            case '*': range = (0, Endless); at++; break;
            case '+': range = (1, Endless); at++; break;
            case '{':
                at++;
                var from = Number();
                var to = from;
                if (Accept(',')) to = Number() ?? Endless;
                if ((from is null && to is null or Endless) || !Accept('}')) throw Bad("a '{' that begins no repeat", "write \\{ for the character");
                range = (from ?? 0, to!.Value);
                if (range.Item1 > range.Item2) throw Bad("a repeat that ends before it begins");
                if (at < pattern.Length && pattern[at].Value == '+') throw Bad("'+' after '}'", "engines differ on what it means");
                break;
            default: return null;
        }
        if (at < pattern.Length && pattern[at].Value == '?') throw Bad("a lazy repeat");
        var possessive = Accept('+');
        if (at < pattern.Length && pattern[at].Value is '*' or '+' or '?') throw Bad("a repeat of a repeat");
        return (range.Item1, range.Item2, possessive);
    }

    private int? Number()
    {
        var start = at;
        var value = 0;
        for (; at < pattern.Length && pattern[at].Value is >= '0' and <= '9'; at++)
            if ((value = value * 10 + pattern[at].Value - '0') > 100_000) throw Bad("a repeat of more than 100000");
        return at > start ? value : null;
    }

    private (List<RegexStep> Steps, int Least) Atom(bool ignoreCase)
    {
        var next = pattern[at].Value;
        switch (next)
        {
            case '(': return Group(ignoreCase);
            case '[': return One(Class(), ignoreCase);
            case '.': at++; return One(rune => rune != '\n', false);
            case '\\' when at + 1 < pattern.Length && pattern[at + 1].Value == 'z': at += 2; return ([new RegexStep.End()], 0);
            case '\\': return One(Escape(), ignoreCase);
            case '^' or '$': throw Bad($"'{(char)next}'", "engines differ on what it means");
            case '*' or '+' or '?' or '{': throw Bad($"'{(char)next}' with nothing to repeat");
            default: at++; return One(rune => rune == next, ignoreCase);
        }
    }

    private static (List<RegexStep>, int) One(Func<int, bool> set, bool ignoreCase) =>
        ([new RegexStep.Take(new(ignoreCase ? RuneSet.IgnoringCase(set) : set), 1, 1, false)], 1);

    private (List<RegexStep> Steps, int Least) Group(bool ignoreCase)
    {
        var start = at++;
        var kind = "";
        if (Accept('?'))
        {
            kind = Accept(':') ? ":" : Accept('!') ? "!" : Accept('=') ? "=" : Accept('>') ? ">" : Accept('i') && Accept(':') ? "i" : "";
            if (kind.Length == 0) throw Bad("a group of a kind that is not known", "known are (?:…), (?i:…), (?=…), (?!…) and (?>…)");
        }
        var (steps, least) = Alternatives(ignoreCase || kind == "i");
        if (!Accept(')')) throw Bad("'(' without ')'", null, start);
        return kind switch
        {
            "!" or "=" => ([new RegexStep.Look(Program(steps), kind == "=")], 0),
            ">" => ([new RegexStep.Atomic(Program(steps))], least),
            _ => (steps, least),
        };
    }

    private Func<int, bool> Class()
    {
        var start = at++;
        var negated = Accept('^');
        var parts = new List<Func<int, bool>>();
        while (true)
        {
            if (at == pattern.Length) throw Bad("'[' without ']'", null, start);
            if (pattern[at].Value == ']' && parts.Count > 0) break;
            if (pattern[at].Value == '[' || (pattern[at].Value == '&' && at + 1 < pattern.Length && pattern[at + 1].Value == '&'))
                throw Bad("a class in a class");
            var (single, set) = Member();
            if (single >= 0 && at + 1 < pattern.Length && pattern[at].Value == '-' && pattern[at + 1].Value != ']')
            {
                at++;
                var (last, _) = Member();
                if (last < single) throw Bad("a range that ends before it begins");
                set = rune => rune >= single && rune <= last;
            }
            parts.Add(set);
        }
        at++;
        var all = parts.ToArray();
        return rune => Array.Exists(all, part => part(rune)) != negated;
    }

    // One character of a class, and -1 with a set for what stands for several.
    private (int Single, Func<int, bool> Set) Member()
    {
        if (pattern[at].Value != '\\')
        {
            var plain = pattern[at++].Value;
            return (plain, rune => rune == plain);
        }
        var start = at;
        var set = Escape();
        if (pattern[start + 1].Value is 'p' or 'P' or 's' or 'S' or 'd' or 'D' or 'w' or 'W') return (-1, set);
        var single = Enumerable.Range(0, 0x10000).First(set);
        return (single, set);
    }

    private Func<int, bool> Escape()
    {
        var start = at++;
        if (at == pattern.Length) throw Bad("'\\' at the end", null, start);
        var letter = pattern[at++].Value;
        switch (letter)
        {
            case 's': return RuneClasses.IsSpace;
            case 'S': return rune => !RuneClasses.IsSpace(rune);
            case 'd': return IsDigit;
            case 'D': return rune => !IsDigit(rune);
            case 'w': return RuneClasses.IsWord;
            case 'W': return rune => !RuneClasses.IsWord(rune);
            case 'p' or 'P':
                var property = Property();
                return letter == 'p' ? property : rune => !property(rune);
            case 'n': return rune => rune == '\n';
            case 'r': return rune => rune == '\r';
            case 't': return rune => rune == '\t';
            case 'f': return rune => rune == '\f';
            case 'u' or 'x' when at + Digits(letter) <= pattern.Length:
                var digits = string.Concat(pattern[at..(at + Digits(letter))]);
                if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)) break;
                at += digits.Length;
                return rune => rune == value;
            case var other when other < 128 && !char.IsAsciiLetterOrDigit((char)other): return rune => rune == other;
        }
        throw Bad($"'\\{char.ConvertFromUtf32(letter)}'", "this escape is not known", start);

        static int Digits(int letter) => letter == 'u' ? 4 : 2;
        static bool IsDigit(int rune) => RuneClasses.CategoryOf(rune) == UnicodeCategory.DecimalDigitNumber;
    }

    private Func<int, bool> Property()
    {
        var start = at;
        string name;
        if (Accept('{'))
        {
            var from = at;
            while (at < pattern.Length && pattern[at].Value != '}') at++;
            if (at == pattern.Length) throw Bad("'{' without '}'", null, start);
            name = string.Concat(pattern[from..at++]);
        }
        else
        {
            name = at < pattern.Length ? pattern[at++].ToString() : "";
        }
        // The two letters of the general categories, in the order of .NET's enumeration.
        string[] categories =
        [
            "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps", "Pe",
            "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
        ];
        var mask = 0u;
        for (var i = 0; i < categories.Length; i++)
            if (name.Length is 1 or 2 && categories[i].StartsWith(name, StringComparison.Ordinal)) mask |= 1u << i;
        if (mask == 0) throw Bad($"the property '{name}'", "general categories such as L, Lu and Nd are known", start);
        return rune => (mask >> (int)RuneClasses.CategoryOf(rune) & 1) != 0;
    }

    private bool Accept(char wanted)
    {
        if (at == pattern.Length || pattern[at].Value != wanted) return false;
        at++;
        return true;
    }

    private void Append(List<RegexStep> steps, List<RegexStep> more)
    {
        var shift = steps.Count;
        if (shift + more.Count > MostSteps) throw Bad("a pattern that is too large");
        foreach (var step in more)
            steps.Add(step switch
            {
                RegexStep.Fork fork => new RegexStep.Fork(fork.First + shift, fork.Second + shift),
                RegexStep.Jump jump => new RegexStep.Jump(jump.To + shift),
                _ => step,
            });
    }

    private DataException Bad(string found, string? rule = null, int? place = null) => new(
        where, $"{found} at character {(place ?? at) + 1} of the pattern '{string.Concat(pattern)}'", rule ?? "this part of regular expressions is not supported");
}
