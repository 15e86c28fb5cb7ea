// Sizes in attributes are small expressions over the properties of a spec. They are read here and turned into C# of the
// record that they stand in.
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

/// <summary>What an expression must come to.</summary>
internal enum SizeKind
{
    Whole,
    Number,
    Flag,
    /// <summary>A nullable value read by its own type, such as rotary scaling.</summary>
    Any,
}

/// <summary>The names that a record's attributes may use: its own, and in a layer those of the model behind its parameter.</summary>
internal sealed class SizeScope
{
    private readonly ParseContext context;
    private readonly INamedTypeSymbol record;
    private readonly INamedTypeSymbol model;
    private readonly string prefix;

    public SizeScope(ParseContext context, INamedTypeSymbol record, INamedTypeSymbol model, string modelParameter)
    {
        (this.context, this.record, this.model) = (context, record, model);
        prefix = modelParameter.Length == 0 ? "" : modelParameter + ".";
    }

    /// <summary>The expression as C#, or an empty text after a finding.</summary>
    public string Read((string Text, Location? Where) argument, SizeKind kind)
    {
        var expression = SyntaxFactory.ParseExpression(argument.Text, consumeFullText: true);
        if (argument.Text.Trim().Length == 0 || expression.ContainsDiagnostics)
        {
            context.Report(Diagnostics.UnreadableSize, argument.Where, argument.Text, "it is not an expression");
            return "";
        }

        return Write(expression, argument, kind);
    }

    private string Write(ExpressionSyntax expression, (string Text, Location? Where) argument, SizeKind kind)
    {
        switch (expression)
        {
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NumericLiteralExpression } number
                when kind == SizeKind.Number || (kind == SizeKind.Whole && number.Token.Value is int):
                return number.Token.Text;
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.TrueLiteralExpression or (int)SyntaxKind.FalseLiteralExpression } flag
                when kind == SizeKind.Flag:
                return flag.Token.Text;
            case IdentifierNameSyntax name:
                return Name(name.Identifier.ValueText, argument, kind);
            case ParenthesizedExpressionSyntax inner:
                return Join("(", Write(inner.Expression, argument, kind), ")");
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus when kind is SizeKind.Whole or SizeKind.Number:
                return Join("-", Write(minus.Operand, argument, kind), "");
            case BinaryExpressionSyntax binary when kind is SizeKind.Whole or SizeKind.Number && Arithmetic(binary.Kind()):
                var left = Write(binary.Left, argument, kind);
                var right = Write(binary.Right, argument, kind);
                return left.Length == 0 || right.Length == 0 ? "" : $"{left} {binary.OperatorToken.Text} {right}";
            case InvocationExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: "Sqrt" } } call
                when kind == SizeKind.Number && call.ArgumentList.Arguments.Count == 1:
                return Join("global::System.Math.Sqrt(", Write(call.ArgumentList.Arguments[0].Expression, argument, kind), ")");
            default:
                context.Report(Diagnostics.UnreadableSize, argument.Where, expression.ToString(), Rule(kind));
                return "";
        }
    }

    private static string Join(string before, string text, string after) => text.Length == 0 ? "" : before + text + after;

    private static bool Arithmetic(SyntaxKind kind) =>
        kind is SyntaxKind.AddExpression or SyntaxKind.SubtractExpression or SyntaxKind.MultiplyExpression or SyntaxKind.DivideExpression;

    private static string Rule(SizeKind kind) => kind switch
    {
        SizeKind.Whole => "a size is made of names, whole numbers, + - * / and parentheses",
        SizeKind.Number => "a number is made of names, numbers, + - * /, parentheses and Sqrt",
        SizeKind.Flag => "a condition is true, false or the name of a bool property",
        _ => "it must be the name of a property",
    };

    private string Name(string name, (string Text, Location? Where) argument, SizeKind kind)
    {
        var own = Find(record, name);
        var found = own ?? Find(model, name);
        if (found is null)
        {
            context.Report(Diagnostics.UnknownSize, argument.Where, name, model.Name, Hint(name));
            return "";
        }

        var fits = kind switch
        {
            SizeKind.Whole => found.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64,
            SizeKind.Number => found.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_Double,
            SizeKind.Flag => found.SpecialType == SpecialType.System_Boolean,
            _ => true,
        };
        if (!fits)
        {
            context.Report(Diagnostics.SizeOfWrongType, argument.Where, name, Symbols.NameOf(found), Wanted(kind));
            return "";
        }

        return own is null ? prefix + name : name;
    }

    private static string Wanted(SizeKind kind) => kind switch
    {
        SizeKind.Whole => "a whole number (int)",
        SizeKind.Number => "a number (int or double)",
        _ => "a bool",
    };

    private static ITypeSymbol? Find(INamedTypeSymbol type, string name) =>
        type.GetMembers(name).OfType<IPropertySymbol>().FirstOrDefault()?.Type;

    private string Hint(string name)
    {
        var near = model.GetMembers().OfType<IPropertySymbol>()
            .Where(p => p.DeclaredAccessibility == Accessibility.Public && !p.IsStatic && p.Name != "EqualityContract")
            .Select(p => (p.Name, Distance: Distance(p.Name, name)))
            .Where(p => p.Distance <= System.Math.Max(2, name.Length / 3))
            .OrderBy(p => p.Distance).ThenBy(p => p.Name, System.StringComparer.Ordinal)
            .Select(p => p.Name)
            .FirstOrDefault();
        return near is null ? "" : $"; did you mean {near}?";
    }

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                var best = System.Math.Min(System.Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + cost);
                (diagonal, row[j]) = (row[j], best);
            }
        }

        return row[b.Length];
    }
}
