; Removing. Settings and clusters stay unless the person, or /DELETEDATA, says otherwise.

; Says why, and ends with this exit code; nothing was removed yet.
!macro GiveUp WORDS CODE
    MessageBox MB_OK|MB_ICONSTOP "${WORDS}" /SD IDOK
    SetErrorLevel ${CODE}
    Quit
!macroend

Function un.HasOption
    Push $0
    Push $1
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "$R0" $1
    StrCpy $R0 1
    ${If} ${Errors}
        StrCpy $R0 0
    ${EndIf}
    Pop $1
    Pop $0
FunctionEnd

Function un.onInit
    SetShellVarContext all
    ReadRegStr $0 SHCTX "${UNKEY}" "InstallLocation"
    StrCpy $Everyone 0
    ${If} $0 == $INSTDIR
        StrCpy $Everyone 1
    ${Else}
        SetShellVarContext current
    ${EndIf}
    StrCpy $R0 "/DELETEDATA"
    Call un.HasOption
    StrCpy $DeleteData $R0
FunctionEnd

Function un.DataPage
    !insertmacro MUI_HEADER_TEXT "$(RemoveTitle)" "$(RemoveSub)"
    nsDialogs::Create 1018
    Pop $Dialog
    ${NSD_CreateLabel} 0 10u 100% 30u "$(RemoveKeep)"
    Pop $0
    ${NSD_CreateCheckBox} 0 46u 100% 12u "$(RemoveData)"
    Pop $Box
    ${If} $DeleteData = 1
        ${NSD_Check} $Box
    ${EndIf}
    GetDlgItem $0 $HWNDPARENT 1
    SendMessage $0 ${WM_SETTEXT} 0 "STR:$(RemoveButton)"
    nsDialogs::Show
FunctionEnd

Function un.DataLeave
    ${NSD_GetState} $Box $DeleteData
    ${If} $DeleteData = 1
        MessageBox MB_YESNO|MB_ICONEXCLAMATION|MB_DEFBUTTON2 "$(RemoveSure)" IDYES +2
        Abort
    ${EndIf}
    Call un.EnsureNotInUse
    Call un.AskForServers
FunctionEnd

; Sets R1 to the names of the clusters whose servers run, a line each; empty where none does.
Function un.RunningClusters
    Push $0
    Push $1
    StrCpy $R1 ""
    GetTempFileName $0
    ${Slotctl} 120 'running --list "$0"'
    ; Where that is not known, they may run.
    ${If} $R0 != 0
        Delete $0
        !insertmacro GiveUp "$(RunningUnknown)" ${EXIT_NOT_STOPPED}
    ${EndIf}
    ; Its words may be in another code page than this program's: the file is in UTF-16.
    StrCpy $R1 ""
    ClearErrors
    FileOpen $1 $0 r
    ${DoWhile} 1 = 1
        FileReadUTF16LE $1 $R2
        ; Testing for an error takes it away.
        ${If} ${Errors}
            ${ExitDo}
        ${EndIf}
        StrCpy $R1 "$R1$R2"
    ${Loop}
    FileClose $1
    Delete $0
    Pop $1
    Pop $0
FunctionEnd

; Asks whether running servers may be stopped; a no leaves everything as it is.
Function un.AskForServers
    Call un.RunningClusters
    StrCpy $StopServers 0
    ${If} $R1 != ""
        MessageBox MB_OKCANCEL|MB_ICONQUESTION|MB_DEFBUTTON2 "$(ServersRun)" IDOK +2
        Abort
        StrCpy $StopServers 1
    ${EndIf}
FunctionEnd

; Where nobody can be asked, the command line answers.
Function un.AskNobodyForServers
    Call un.EnsureNotInUse
    Call un.RunningClusters
    ${If} $R1 != ""
        StrCpy $R0 "/STOPCLUSTERS"
        Call un.HasOption
        StrCpy $StopServers $R0
        ${If} $StopServers = 0
            SetErrorLevel ${EXIT_CLUSTERS_RUN}
            Quit
        ${EndIf}
    ${EndIf}
FunctionEnd

; Servers and data, as the person chose. They are those of the person who removes Slotdeck: an administrator whose
; rights are lent has others.
Function un.Chores
    ${If} ${Silent}
        Call un.AskNobodyForServers
    ${EndIf}
    ${If} $StopServers = 1
        ${Slotctl} 3600 "stop-all"
        ${If} $R0 != 0
            !insertmacro GiveUp "$(StopFailed)" ${EXIT_NOT_STOPPED}
        ${EndIf}
    ${EndIf}
    ${If} $DeleteData = 1
        ${Slotctl} 3600 "remove-data"
        ${If} $R0 != 0
            !insertmacro GiveUp "$(DataFailed)" ${EXIT_DATA_LEFT}
        ${EndIf}
    ${EndIf}
FunctionEnd

Section "Uninstall"
    StrCpy $R0 "/Elevated"
    Call un.HasOption
    ${If} $R0 = 1
        ; The one without rights has done the chores.
        Call un.EnsureNotInUse
    ${Else}
        Call un.Chores
    ${EndIf}
    ${If} $Everyone = 1
        Call un.HasRights
        ${If} $R0 = 0
            StrCpy $R0 "/S /Elevated _?=$INSTDIR"
            Call un.RunWithRights
            ${If} $R0 = ${EXIT_NO_RIGHTS}
                MessageBox MB_OK|MB_ICONEXCLAMATION "$(NoRights)" /SD IDOK
            ${EndIf}
            SetErrorLevel $R0
            Quit
        ${EndIf}
    ${EndIf}

    ReadRegDWORD $0 SHCTX "${KEY}" "Path"
    ${If} $0 = 1
        ${PathOwner} $1
        ${Slotctl} 60 'path-remove $1 "$INSTDIR"'
    ${EndIf}
    ReadRegDWORD $0 SHCTX "${KEY}" "Association"
    ${If} $0 = 1
        Call un.RemoveAssociation
    ${EndIf}
    ReadRegDWORD $0 SHCTX "${KEY}" "Desktop"
    ${If} $0 = 1
        Delete "$DESKTOP\Slotdeck.lnk"
    ${EndIf}
    Delete "$SMPROGRAMS\Slotdeck.lnk"
    Delete "$INSTDIR\slotdeck.exe"
    Delete "$INSTDIR\slotctl.exe"
    Delete "$INSTDIR\LICENSE-MIT.txt"
    Delete "$INSTDIR\LICENSE-APACHE.txt"
    ; Not where it runs in place (_?=): Windows deletes no running program.
    Delete "$INSTDIR\uninstall.exe"
    ; Only when empty: what is not ours stays.
    SetOutPath "$TEMP"
    RMDir "$INSTDIR"
    ${If} $INSTDIR == "$LOCALAPPDATA\Programs\Slotdeck"
        RMDir "$LOCALAPPDATA\Programs"
    ${EndIf}
    DeleteRegKey SHCTX "${UNKEY}"
    DeleteRegKey SHCTX "${KEY}"
    Call un.TellWindows
SectionEnd
