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
    private readonly HashSet<string> open = new();

    private DefaultsReader(INamedTypeSymbol record, INamedTypeSymbol model, string modelParameter) =>
        (this.record, this.model, this.modelParameter) = (record, model, modelParameter);

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

    // A number, a bool, null (unset) or, where nothing can be said, this very object.
    private static readonly object Unknown = new();

    private object? Of(IPropertySymbol property)
    {
        if (property.DeclaringSyntaxReferences.FirstOrDefault()?.GetSyntax() is not PropertyDeclarationSyntax syntax)
        {
            // A layer's index: the first.
            return property.Type.SpecialType == SpecialType.System_Int32 ? 0.0 : Unknown;
        }

        if (!open.Add(property.ContainingType.Name + "." + property.Name))
        {
            return Unknown;
        }

        var value = syntax.ExpressionBody is { } arrow ? Value(arrow.Expression)
            : syntax.Initializer is { } start ? Value(start.Value)
            : property.Type.IsValueType && property.NullableAnnotation != NullableAnnotation.Annotated
                ? property.Type.SpecialType == SpecialType.System_Boolean ? false : 0.0
                : null;
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
            case IdentifierNameSyntax name:
                return (Named(record, name.Identifier.ValueText) ?? Named(model, name.Identifier.ValueText)) is { } property ? Of(property) : Unknown;
            case MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax { Identifier.ValueText: var owner } } member when owner == modelParameter:
                return Named(model, member.Name.Identifier.ValueText) is { } of ? Of(of) : Unknown;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.UnaryMinusExpression } minus:
                return Value(minus.Operand) is double negated ? -negated : Unknown;
            case PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression } not:
                return Value(not.Operand) is bool flag ? !flag : Unknown;
            case ConditionalExpressionSyntax choice:
                return Value(choice.Condition) is bool taken ? Value(taken ? choice.WhenTrue : choice.WhenFalse) : Unknown;
            case BinaryExpressionSyntax binary:
                return Binary(binary.Kind(), Value(binary.Left), binary);
            default:
                return Unknown;
        }
    }

    private object? Binary(SyntaxKind kind, object? left, BinaryExpressionSyntax binary)
    {
        if (kind == SyntaxKind.CoalesceExpression)
        {
            return left ?? Value(binary.Right);
        }

        return (left, Value(binary.Right)) switch
        {
            (double a, double b) => kind switch
            {
                SyntaxKind.AddExpression => a + b,
                SyntaxKind.SubtractExpression => a - b,
                SyntaxKind.MultiplyExpression => a * b,
                SyntaxKind.DivideExpression => b == 0 ? Unknown : a == Math.Floor(a) && b == Math.Floor(b) ? Math.Truncate(a / b) : a / b,
                SyntaxKind.ModuloExpression => b == 0 ? Unknown : a % b,
                SyntaxKind.LessThanExpression => a < b,
                SyntaxKind.LessThanOrEqualExpression => a <= b,
                SyntaxKind.GreaterThanExpression => a > b,
                SyntaxKind.GreaterThanOrEqualExpression => a >= b,
                SyntaxKind.EqualsExpression => a == b,
                SyntaxKind.NotEqualsExpression => a != b,
                _ => Unknown,
            },
            (bool a, bool b) => kind switch
            {
                SyntaxKind.LogicalAndExpression => a && b,
                SyntaxKind.LogicalOrExpression => a || b,
                _ => Unknown,
            },
            _ => Unknown,
        };
    }

    private static IPropertySymbol? Named(INamedTypeSymbol type, string name) => type.GetMembers(name).OfType<IPropertySymbol>().FirstOrDefault();
}
