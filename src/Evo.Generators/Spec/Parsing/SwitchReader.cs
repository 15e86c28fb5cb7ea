// Takes a switch over the configuration apart: constant labels and a default, nothing else.
using System.Collections.Generic;
using System.Linq;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Evo.Generators.Spec.Parsing;

internal static class SwitchReader
{
    /// <summary>What runs for some constants, or by default where <paramref name="Labels"/> is null.</summary>
    internal sealed record Section(IReadOnlyList<ExpressionSyntax>? Labels, IReadOnlyList<StatementSyntax> Statements);

    /// <summary>The sections, the default last; null after a finding.</summary>
    public static IReadOnlyList<Section>? Sections(ParseContext context, SwitchStatementSyntax choice)
    {
        var found = new List<Section>();
        foreach (var section in choice.Sections)
        {
            var labels = new List<ExpressionSyntax>();
            foreach (var label in section.Labels)
            {
                switch (label)
                {
                    case CaseSwitchLabelSyntax constant:
                        labels.Add(constant.Value);
                        break;
                    case DefaultSwitchLabelSyntax:
                        break;
                    default:
                        context.Report(Diagnostics.UnreadableForward, label.Keyword.GetLocation(), label.Keyword.Text, "a case names a constant of the configuration, with no pattern and no when");
                        return null;
                }
            }

            // The closing break only ends the section.
            var statements = section.Statements.SelectMany(s => s is BlockSyntax b ? b.Statements.AsEnumerable() : new[] { s })
                .Where(s => s is not BreakStatementSyntax).ToList();
            found.Add(new Section(section.Labels.Any(l => l is DefaultSwitchLabelSyntax) ? null : labels, statements));
        }

        return found.OrderBy(s => s.Labels is null ? 1 : 0).ToList();
    }

    /// <summary>One arm of a switch expression; its label is null for the discard.</summary>
    public static (ExpressionSyntax? Label, ExpressionSyntax Value)? Arm(ParseContext context, SwitchExpressionSyntax expression, int index)
    {
        if (index >= expression.Arms.Count)
        {
            context.Report(Diagnostics.UnreadableForward, expression.SwitchKeyword.GetLocation(), "switch", "its last arm is _ => …");
            return null;
        }

        var arm = expression.Arms[index];
        switch (arm.Pattern)
        {
            case DiscardPatternSyntax when arm.WhenClause is null:
                return (null, arm.Expression);
            case ConstantPatternSyntax constant when arm.WhenClause is null:
                return (constant.Expression, arm.Expression);
            default:
                context.Report(Diagnostics.UnreadableForward, arm.Pattern, arm.Pattern.ToString(), "an arm names a constant of the configuration, with no pattern and no when");
                return null;
        }
    }

    /// <summary>Whether the subject is one of the constants, as C#.</summary>
    public static string Condition(string subject, IEnumerable<string> labels) =>
        $"{(SyntaxFacts.IsValidIdentifier(subject.Replace(".", "")) ? subject : "(" + subject + ")")} is {string.Join(" or ", labels)}";
}
