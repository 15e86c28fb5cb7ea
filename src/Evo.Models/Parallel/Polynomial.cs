// Sizes as people write them, b · s · 4096 / t, that can be read, added and evaluated: one expression for the text and the number.
using System.Globalization;

namespace Evo.Models;

/// <summary>Where a size is evaluated: rows, tokens of a row, ranks of the tensor axis and of the weight axis.</summary>
public readonly record struct SizePoint(long Batch, long Length, long Tensor = 1, long Weight = 1);

/// <summary>A sum of products of the sizes of a step, with numbers of the model as coefficients. A value.</summary>
public sealed class Polynomial : IEquatable<Polynomial>
{
    private enum Kind
    {
        Batch,
        Length,
        Tensor,
        Weight,
        // Of a number n and t ranks: a rank's share of n units where it has at least one; n units or t, if more; n rows in whole
        // blocks over the ranks of the weight axis, none where one rank holds all; n rows in whole blocks over those of the tensor axis.
        Share,
        Spread,
        Gathered,
        Block,
    }

    private readonly record struct Symbol(Kind Kind, long Of)
    {
        public string Text => Kind switch
        {
            Kind.Batch => "b",
            Kind.Length => "s",
            Kind.Tensor => "t",
            Kind.Weight => "w",
            Kind.Share => Invariant($"max(1, {Of:N0}/t)"),
            Kind.Spread => Invariant($"max({Of:N0}, t)"),
            Kind.Gathered => Invariant($"whole({Of:N0}, w)"),
            _ => Invariant($"⌈{Of:N0}/t⌉"),
        };

        public double At(SizePoint at) => Kind switch
        {
            Kind.Batch => at.Batch,
            Kind.Length => at.Length,
            Kind.Tensor => at.Tensor,
            Kind.Weight => at.Weight,
            Kind.Share => Math.Max(1.0, (double)Of / at.Tensor),
            Kind.Spread => Math.Max(Of, at.Tensor),
            Kind.Gathered => at.Weight == 1 ? 0 : (Of + at.Weight - 1) / at.Weight * at.Weight,
            _ => (Of + at.Tensor - 1) / at.Tensor,
        };
    }

    // A monomial is its symbols in order with their powers, as text: equal monomials have equal keys.
    private readonly SortedDictionary<string, (double Coefficient, (Symbol Symbol, int Power)[] Factors)> terms;

    private Polynomial(SortedDictionary<string, (double, (Symbol, int)[])> terms) => this.terms = terms;

    /// <summary>b.</summary>
    public static Polynomial Batch { get; } = Of(new(Kind.Batch, 0));

    /// <summary>s.</summary>
    public static Polynomial Length { get; } = Of(new(Kind.Length, 0));

    /// <summary>t.</summary>
    public static Polynomial Tensor { get; } = Of(new(Kind.Tensor, 0));

    /// <summary>w.</summary>
    public static Polynomial Weight { get; } = Of(new(Kind.Weight, 0));

    /// <summary>Nothing.</summary>
    public static Polynomial Zero { get; } = 0;

    /// <summary>A rank's share of so many heads: at least one, where there are fewer heads than ranks.</summary>
    public static Polynomial Share(long units) => Of(new(Kind.Share, units));

    /// <summary>So many heads, or one for each rank where there are fewer.</summary>
    public static Polynomial Spread(long units) => Of(new(Kind.Spread, units));

    /// <summary>Rows of a weight that was gathered over the weight axis, with its padding; none where one rank holds all.</summary>
    public static Polynomial Gathered(long rows) => Of(new(Kind.Gathered, rows));

    /// <summary>Rows of a rank's block of a table that is cut over the tensor axis, with its padding.</summary>
    public static Polynomial Block(long rows) => Of(new(Kind.Block, rows));

    /// <summary>A number.</summary>
    public static implicit operator Polynomial(long number) =>
        new(number == 0 ? New() : new(StringComparer.Ordinal) { [""] = (number, []) });

    /// <summary>Sum.</summary>
    public static Polynomial operator +(Polynomial a, Polynomial b)
    {
        var sum = New();
        foreach (var (key, term) in a.terms.Concat(b.terms))
            Add(sum, key, term.Coefficient, term.Factors);
        return new(sum);
    }

    /// <summary>Product.</summary>
    public static Polynomial operator *(Polynomial a, Polynomial b)
    {
        var product = New();
        foreach (var x in a.terms.Values)
            foreach (var y in b.terms.Values)
                Add(product, x.Coefficient * y.Coefficient, x.Factors.Concat(y.Factors));
        return new(product);
    }

    /// <summary>Quotient by one monomial.</summary>
    /// <exception cref="ArgumentException">The divisor is a sum, or nothing.</exception>
    public static Polynomial operator /(Polynomial a, Polynomial b)
    {
        if (b.terms.Count != 1)
            throw new ArgumentException($"{a} / ({b}): only one monomial divides");
        var by = b.terms.Values.Single();
        var quotient = New();
        foreach (var x in a.terms.Values)
            Add(quotient, x.Coefficient / by.Coefficient, x.Factors.Concat(by.Factors.Select(f => (f.Symbol, -f.Power))));
        return new(quotient);
    }

    /// <summary>The number at a point.</summary>
    public double At(SizePoint at) => terms.Values.Sum(t => t.Factors.Aggregate(t.Coefficient, (product, f) => product * Math.Pow(f.Symbol.At(at), f.Power)));

    /// <summary>Whether it is nothing.</summary>
    public bool IsZero => terms.Count == 0;

    /// <inheritdoc/>
    public bool Equals(Polynomial? other) =>
        other is not null && terms.Count == other.terms.Count && terms.All(t => other.terms.TryGetValue(t.Key, out var o) && o.Coefficient == t.Value.Coefficient);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Polynomial);

    /// <inheritdoc/>
    public override int GetHashCode() => terms.Aggregate(17, (hash, t) => HashCode.Combine(hash, t.Key, t.Value.Coefficient));

    /// <summary>"4,096·b·s/t + 12".</summary>
    public override string ToString() => terms.Count == 0 ? "0"
        : string.Join(" + ", terms.Values.OrderByDescending(t => t.Factors.Where(f => f.Power > 0).Sum(f => f.Power)).ThenByDescending(t => t.Coefficient).Select(Text)).Replace("+ -", "- ");

    private static string Text((double Coefficient, (Symbol Symbol, int Power)[] Factors) term)
    {
        static string Power((Symbol Symbol, int Power) f, int power) => power == 1 ? f.Symbol.Text : Invariant($"{f.Symbol.Text}^{power}");
        var over = term.Factors.Where(f => f.Power > 0).Select(f => Power(f, f.Power)).ToList();
        var under = string.Concat(term.Factors.Where(f => f.Power < 0).Select(f => "/" + Power(f, -f.Power)));
        if (term.Coefficient != 1 || over.Count == 0)
            over.Insert(0, term.Coefficient.ToString(term.Coefficient == Math.Floor(term.Coefficient) ? "N0" : "0.####", CultureInfo.InvariantCulture));
        return string.Join("·", over) + under;
    }

    private static Polynomial Of(Symbol symbol)
    {
        var terms = New();
        Add(terms, 1, [(symbol, 1)]);
        return new(terms);
    }

    private static SortedDictionary<string, (double, (Symbol, int)[])> New() => new(StringComparer.Ordinal);

    private static void Add(SortedDictionary<string, (double, (Symbol, int)[])> sum, double coefficient, IEnumerable<(Symbol Symbol, int Power)> factors)
    {
        (Symbol, int)[] powers =
        [
            .. factors.GroupBy(f => f.Symbol).Select(g => (Symbol: g.Key, Power: g.Sum(f => f.Power))).Where(f => f.Power != 0)
                .OrderBy(f => f.Symbol.Kind).ThenBy(f => f.Symbol.Of),
        ];
        Add(sum, string.Join(" ", powers.Select(p => Invariant($"{p.Item1.Text}^{p.Item2}"))), coefficient, powers);
    }

    private static void Add(SortedDictionary<string, (double Coefficient, (Symbol, int)[])> sum, string key, double coefficient, (Symbol, int)[] factors)
    {
        var total = coefficient + (sum.TryGetValue(key, out var before) ? before.Coefficient : 0);
        if (total == 0)
            sum.Remove(key);
        else
            sum[key] = (total, factors);
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
