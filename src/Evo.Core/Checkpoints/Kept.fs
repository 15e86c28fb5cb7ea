namespace Evo.Core

/// Which checkpoints of a run stay.
type KeepRule =
    {
        /// Newest ones that stay; 0 keeps all.
        Last: int
        /// Of the older ones the first at or after each multiple of so many steps stays; 0 for none.
        Every: int64
    }

    /// Of these steps those whose checkpoints go, once `saved`, one of them, stands: that one stays, whether or not there are
    /// later ones (which a run that went back behind them has refused).
    member rule.Removes(saved: int64, steps: int64 seq) : int64 list =
        let steps = steps |> Seq.sort |> List.ofSeq

        let firstOfItsStretch =
            if rule.Every = 0L then
                []
            else
                List.pairwise (0L :: steps)
                |> List.filter (fun (before, step) -> step / rule.Every > before / rule.Every)
                |> List.map snd

        if rule.Last = 0 then
            []
        else
            let others = steps |> List.filter (fun step -> step <> saved)

            others
            |> List.truncate (max 0 (others.Length - rule.Last + 1))
            |> List.filter (fun step -> not (List.contains step firstOfItsStretch))
