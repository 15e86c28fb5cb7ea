// Sizes of dims as polynomials over names of the configuration, so that two ways to write one size are one size.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

/// <summary>One dim's size: C# in the record's scope, and the sum of products that it is.</summary>
internal sealed class Size : IEquatable<Size>
{
    // Begins the names of a batch's own sizes, which no property can be called.
    private const char Tokened = '#';

    private readonly SortedDictionary<string, long> terms;

    private Size(string code, SortedDictionary<string, long> terms) => (Code, this.terms) = (code, terms);

    /// <summary>Rows of a batch.</summary>
    public static Size Batch { get; } = Of(Tokened + "batch", "batch");

    /// <summary>Tokens of a row.</summary>
    public static Size Tokens { get; } = Of(Tokened + "length", "length");

    /// <summary>One, which stretches to any size beside another.</summary>
    public static Size One { get; } = Of("1");

    /// <summary>C# in the record's scope.</summary>
    public string Code { get; }

    /// <summary>Reads C#: names, whole numbers, + - * and parentheses; any other expression is a name of its own.</summary>
    public static Size Of(string code) => new(code, new Reader(code).Read());

    private static Size Of(string name, string code) => new(code, new SortedDictionary<string, long>(StringComparer.Ordinal) { [name] = 1 });

    public static Size operator *(Size a, Size b) =>
        a.Equals(One) ? b : b.Equals(One) ? a : new(Atom(a.Code) + " * " + Atom(b.Code), Multiply(a.terms, b.terms));

    /// <summary>The product of some sizes; one for none.</summary>
    public static Size Product(IEnumerable<Size> sizes) => sizes.Aggregate(One, (a, b) => a * b);

    /// <summary>The number that it is where every name has the given value; null where one has none.</summary>
    public long? Value(Func<string, long?> valueOf)
    {
        long sum = 0;
        foreach (var term in terms)
        {
            var product = term.Value;
            foreach (var name in Factors(term.Key))
            {
                if (valueOf(name) is not { } value)
                {
                    return null;
                }

                product *= value;
            }

            sum += product;
        }

        return sum;
    }

    /// <summary>Whether it is made of the configuration only, and not of a batch's rows or tokens.</summary>
    public bool IsConfigured => terms.Keys.SelectMany(Factors).All(name => name[0] != Tokened);

    public bool Equals(Size? other) => other is not null && terms.SequenceEqual(other.terms);

    public override bool Equals(object? obj) => Equals(obj as Size);

    public override int GetHashCode() => terms.Aggregate(17, (hash, t) => unchecked((hash * 31) + t.Key.GetHashCode() + (int)t.Value));

    public override string ToString() => Code;

    private static string Atom(string code) => code.IndexOf(' ') >= 0 ? "(" + code + ")" : code;

    private static string[] Factors(string key) => key.Split(new[] { '\n' }, StringSplitOptions.RemoveEmptyEntries);

    private static SortedDictionary<string, long> Multiply(SortedDictionary<string, long> a, SortedDictionary<string, long> b)
    {
        var product = Empty();
        foreach (var x in a)
        {
            foreach (var y in b)
            {
                var key = string.Join("\n", Factors(x.Key).Concat(Factors(y.Key)).OrderBy(f => f, StringComparer.Ordinal));
                Add(product, key, x.Value * y.Value);
            }
        }

        return product;
    }

    private static SortedDictionary<string, long> Empty() => new(StringComparer.Ordinal);

    private static void Add(SortedDictionary<string, long> sum, string key, long count)
    {
        sum.TryGetValue(key, out var before);
        if (before + count == 0)
        {
            sum.Remove(key);
        }
        else
        {
            sum[key] = before + count;
        }
    }

    private sealed class Reader
    {
        private readonly string code;
        private int at;

        public Reader(string code) => this.code = code;

        public SortedDictionary<string, long> Read()
        {
            if (Sum() is { } sum && Skip() == code.Length)
            {
                return sum;
            }

            var whole = Empty();
            whole[code] = 1;
            return whole;
        }

        private int Skip()
        {
            while (at < code.Length && code[at] == ' ')
            {
                at++;
            }

            return at;
        }

        private bool Take(char sign)
        {
            if (Skip() < code.Length && code[at] == sign)
            {
                at++;
                return true;
            }

            return false;
        }

        private SortedDictionary<string, long>? Sum()
        {
            var sum = Product();
            while (sum is not null)
            {
                var sign = Take('+') ? 1 : Take('-') ? -1 : 0;
                if (sign == 0)
                {
                    return sum;
                }

                if (Product() is not { } next)
                {
                    return null;
                }

                foreach (var term in next)
                {
                    Add(sum, term.Key, sign * term.Value);
                }
            }

            return null;
        }

        private SortedDictionary<string, long>? Product()
        {
            var start = Skip();
            var product = Factor();
            while (product is not null)
            {
                if (Take('*'))
                {
                    product = Factor() is { } next ? Multiply(product, next) : null;
                }
                else if (Take('/'))
                {
                    // A quotient is a name of its own.
                    if (Factor() is null)
                    {
                        return null;
                    }

                    product = Empty();
                    product[code.Substring(start, at - start)] = 1;
                }
                else
                {
                    return product;
                }
            }

            return null;
        }

        private SortedDictionary<string, long>? Factor()
        {
            if (Take('('))
            {
                var inner = Sum();
                return inner is not null && Take(')') ? inner : null;
            }

            var start = Skip();
            while (at < code.Length && (char.IsLetterOrDigit(code[at]) || code[at] is '_' or '.' or '@'))
            {
                at++;
            }

            var word = code.Substring(start, at - start);
            if (word.Length == 0)
            {
                return null;
            }

            var one = Empty();
            if (long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                Add(one, "", number);
            }
            else
            {
                one[word] = 1;
            }

            return one;
        }
    }
}
