// What the numbers of a record are before a configuration sets any: constants of its properties, and what is computed of them.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal sealed class DefaultsReader
{
    private readonly INamedTypeSymbol record;
    private readonly INamedTypeSymbol model;
    private readonly string modelParameter;
    private readonly double index;
    private readonly HashSet<string> open = new();
    private Dictionary<string, object?> arguments = new();

    /// <param name="record">The record in whose scope names stand.</param>
    /// <param name="model">The model: the same record, or behind <paramref name="modelParameter"/>.</param>
    /// <param name="modelParameter">Empty for the model itself.</param>
    /// <param name="index">Which layer it is.</param>
    public DefaultsReader(INamedTypeSymbol record, INamedTypeSymbol model, string modelParameter, int index = 0) =>
        (this.record, this.model, this.modelParameter, this.index) = (record, model, modelParameter, index);

    /// <summary>Each number that is known, by its name in the record's scope.</summary>
    public static IEnumerable<DefaultSpec> Read(INamedTypeSymbol record, INamedTypeSymbol model, string modelParameter)
    {
        var reader = new DefaultsReader(record, model, modelParameter);
        var found = new SortedDictionary<string, double>(StringComparer.Ordinal);
        foreach (var (owner, prefix) in new[] { (model, modelParameter.Length == 0 ? "" : modelParameter + "."), (record, "") })
        {
            foreach (var property in owner.GetMembers().OfType<IPropertySymbol>().Where(p => !p.IsStatic && !p.IsIndexer))
            {
                if (reader.Of(property) is double value)
                {
                    found[prefix + property.Name] = value;
                }
            }
        }

        return found.Select(f => new DefaultSpec(f.Key, f.Value));
    }

    /// <summary>The number that C# of the record comes to, where it can be told.</summary>
    public double? Number(string code) => Value(SyntaxFactory.ParseExpression(code)) as double?;

    /// <summary>Whether a condition of the record holds, where it can be told.</summary>
    public bool? Holds(string code) => code.Length == 0 ? true : Value(SyntaxFactory.ParseExpression(code)) as bool?;

    /// <summary>The word that starts a property, where C# of the record is that property and nothing else.</summary>
    public Location? Start(string code)
    {
        var name = modelParameter.Length > 0 && code.StartsWith(modelParameter + ".", StringComparison.Ordinal) ? code.Substring(modelParameter.Length + 1) : code;
        return Named(model, name)?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is PropertyDeclarationSyntax { Initializer: { } start } ? start.Value.GetLocation() : null;
    }

    // A number, a bool, null (unset) or, where nothing can be said, this very object.
    private static readonly object Unknown = new();

    private object? Of(IPropertySymbol property)
    {
        if (property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is not PropertyDeclarationSyntax syntax)
        {
            return property.Type.SpecialType == SpecialType.System_Int32 ? index : Unknown;
        }

        if (!open.Add(property.ContainingType.Name + "." + property.Name))
        {
            return Unknown;
        }

        var outer = arguments;
        arguments = new();
        var value = syntax.ExpressionBody is { } arrow ? Value(arrow.Expression)
            : syntax.Initializer is { } start ? Value(start.Value)
            : property.Type.IsValueType && property.Type is not INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T }
                ? property.Type.SpecialType == SpecialType.System_Boolean ? false : 0.0
                : null;
        arguments = outer;
        open.Remove(property.ContainingType.Name + "." + property.Name);
        return value;
    }

    private object? Value(ExpressionSyntax expression)
    {
        switch (expression)
        {
            case LiteralExpressionSyntax { RawKind: (int)SyntaxKind.NullLiteralExpression }:
                return null;
            case LiteralExpressionSyntax literal:
                return literal.Token.Value switch
                {
                    bool b => b,
                    string s => s,
                    IConvertible number => Convert.ToDouble(number, CultureInfo.InvariantCulture),
                    _ => Unknown,
                };
            case ParenthesizedExpressionSyntax inner:
                return Value(inner.Expression);
            case IdentifierNameSyntax { Identifier.ValueText: var name }:
                return arguments.TryGetValue(name, out var argument) ? argument
                    : (Named(record, name) ?? Named(model, name)) is { } property ? Of(property) : Unknown;
            case MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: var owner } } member when owner == modelParameter:
                return Named(model, member.Name.Identifier.ValueText) is { } of ? Of(of) : Unknown;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus:
                return Value(minus.Operand) is double negated ? -negated : Unknown;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression } not:
                return Value(not.Operand) is bool flag ? !flag : Unknown;
            case ConditionalExpressionSyntax choice:
                return Value(choice.Condition) is bool taken ? Value(taken ? choice.WhenTrue : choice.WhenFalse) : Unknown;
            case ConditionalAccessExpressionSyntax access:
                return Value(access.Expression) is null ? null : Unknown;
            case IsPatternExpressionSyntax pattern:
                return Matches(Value(pattern.Expression), pattern.Pattern);
            case InvocationExpressionSyntax call:
                return Called(call);
            case BinaryExpressionSyntax binary:
                return Binary(binary.Kind(), Value(binary.Left), binary);
            default:
                return Unknown;
        }
    }

    // Sqrt, and methods of the record and the model that are one expression.
    private object? Called(InvocationExpressionSyntax call)
    {
        var given = call.ArgumentList.Arguments.Select(a => Value(a.Expression)).ToList();
        var (type, name) = call.Expression switch
        {
            IdentifierNameSyntax own => (record, own.Identifier.ValueText),
            MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: var owner } } member when owner == modelParameter => (model, member.Name.Identifier.ValueText),
            MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Sqrt" } => (null, "Sqrt"),
            _ => (null, ""),
        };
        if (name == "Sqrt" && given.Count == 1 && given[0] is double square)
        {
            return Math.Sqrt(square);
        }

        var method = type?.GetMembers(name).OfType<IMethodSymbol>().FirstOrDefault();
        if (method?.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is not MethodDeclarationSyntax { ExpressionBody.Expression: { } body }
            || method.Parameters.Length != given.Count || !open.Add(type!.Name + "." + name))
        {
            return Unknown;
        }

        var outer = arguments;
        arguments = method.Parameters.Select((p, i) => (p.Name, Value: given[i])).ToDictionary(p => p.Name, p => p.Value);
        // Names in the model's own methods are the model's.
        var value = ReferenceEquals(type, record) ? Value(body) : new DefaultsReader(model, model, "") { arguments = arguments }.Value(body);
        arguments = outer;
        open.Remove(type.Name + "." + name);
        return value;
    }

    private object Matches(object? value, PatternSyntax pattern)
    {
        switch (pattern)
        {
            case ConstantPatternSyntax constant:
                var wanted = Value(constant.Expression);
                return ReferenceEquals(value, Unknown) || ReferenceEquals(wanted, Unknown) ? Unknown : Equals(value, wanted);
            case UnaryPatternSyntax { RawKind: (int)SyntaxKind.NotPattern } not:
                return Matches(value, not.Pattern) is bool found ? !found : Unknown;
            case BinaryPatternSyntax { RawKind: (int)SyntaxKind.OrPattern } either:
                return (Matches(value, either.Left), Matches(value, either.Right)) switch
                {
                    (true, _) or (_, true) => true,
                    (false, false) => false,
                    _ => Unknown,
                };
            case ParenthesizedPatternSyntax inner:
                return Matches(value, inner.Pattern);
            default:
                return Unknown;
        }
    }

    private object? Binary(SyntaxKind kind, object? left, BinaryExpressionSyntax binary)
    {
        switch (kind, left)
        {
            case (SyntaxKind.CoalesceExpression, _):
                return left ?? Value(binary.Right);
            case (SyntaxKind.LogicalAndExpression, false):
                return false;
            case (SyntaxKind.LogicalOrExpression, true):
                return true;
        }

        var right = Value(binary.Right);
        if (ReferenceEquals(left, Unknown) || ReferenceEquals(right, Unknown))
        {
            return Unknown;
        }

        return (kind, left, right) switch
        {
            (SyntaxKind.EqualsExpression, _, _) => Equals(left, right),
            (SyntaxKind.NotEqualsExpression, _, _) => !Equals(left, right),
            (SyntaxKind.AddExpression, double a, double b) => a + b,
            (SyntaxKind.SubtractExpression, double a, double b) => a - b,
            (SyntaxKind.MultiplyExpression, double a, double b) => a * b,
            (SyntaxKind.DivideExpression, double a, double b) => b == 0 ? Unknown : IsWhole(binary) ? Math.Truncate(a / b) : a / b,
            (SyntaxKind.ModuloExpression, double a, double b) => b == 0 ? Unknown : a % b,
            (SyntaxKind.LessThanExpression, double a, double b) => a < b,
            (SyntaxKind.LessThanOrEqualExpression, double a, double b) => a <= b,
            (SyntaxKind.GreaterThanExpression, double a, double b) => a > b,
            (SyntaxKind.GreaterThanOrEqualExpression, double a, double b) => a >= b,
            // What is unset is neither above nor below.
            (SyntaxKind.LessThanExpression or SyntaxKind.LessThanOrEqualExpression or SyntaxKind.GreaterThanExpression or SyntaxKind.GreaterThanOrEqualExpression, _, _)
                when left is null || right is null => false,
            (SyntaxKind.LogicalAndExpression, bool a, bool b) => a && b,
            (SyntaxKind.LogicalOrExpression, bool a, bool b) => a || b,
            _ => Unknown,
        };
    }

    // Whole numbers are divided as C# divides them.
    private bool IsWhole(ExpressionSyntax expression) => expression switch
    {
        LiteralExpressionSyntax literal => literal.Token.Value is int or long,
        IdentifierNameSyntax { Identifier.ValueText: var name } => arguments.ContainsKey(name) || IsWhole(Named(record, name) ?? Named(model, name)),
        MemberAccessExpressionSyntax member => IsWhole(Named(model, member.Name.Identifier.ValueText)),
        ParenthesizedExpressionSyntax inner => IsWhole(inner.Expression),
        PrefixUnaryExpressionSyntax minus => IsWhole(minus.Operand),
        ConditionalExpressionSyntax choice => IsWhole(choice.WhenTrue) && IsWhole(choice.WhenFalse),
        BinaryExpressionSyntax binary => IsWhole(binary.Left) && IsWhole(binary.Right),
        _ => false,
    };

    private static bool IsWhole(IPropertySymbol? property) =>
        property?.Type.ToDisplayString() is "int" or "int?" or "long" or "long?";

    private static IPropertySymbol? Named(INamedTypeSymbol type, string name) => type.GetMembers(name).OfType<IPropertySymbol>().FirstOrDefault();
}
