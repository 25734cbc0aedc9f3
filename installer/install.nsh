; Installing, and upgrading in place.

Section "!$(PartApp)" SectionApp
    SectionIn RO
    Call EnsureNotInUse
    Call EnsureBeforeNotInUse
    SetOutPath "$INSTDIR"
    SetOverwrite try
    ClearErrors
    File "${PROGRAMS}\slotdeck.exe"
    File "${PROGRAMS}\slotctl.exe"
    File /oname=LICENSE-MIT.txt "..\LICENSE-MIT"
    File /oname=LICENSE-APACHE.txt "..\LICENSE-APACHE"
    WriteUninstaller "$INSTDIR\uninstall.exe"
    ${If} ${Errors}
        MessageBox MB_OK|MB_ICONSTOP "$(CantWrite)" /SD IDOK
        Abort "$(CantWrite)"
    ${EndIf}
    Call LeaveBefore
    CreateShortcut "$SMPROGRAMS\Slotdeck.lnk" "$INSTDIR\slotdeck.exe" "" "" "" SW_SHOWNORMAL "" "$(Tooltip)"

    WriteRegStr SHCTX "${UNKEY}" "DisplayName" "Slotdeck"
    WriteRegStr SHCTX "${UNKEY}" "DisplayVersion" "${VERSION}"
    WriteRegStr SHCTX "${UNKEY}" "Publisher" "Slotdeck"
    WriteRegStr SHCTX "${UNKEY}" "Comments" "$(Tooltip)"
    WriteRegStr SHCTX "${UNKEY}" "DisplayIcon" "$INSTDIR\slotdeck.exe,0"
    WriteRegStr SHCTX "${UNKEY}" "InstallLocation" "$INSTDIR"
    WriteRegStr SHCTX "${UNKEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr SHCTX "${UNKEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD SHCTX "${UNKEY}" "NoModify" 1
    WriteRegDWORD SHCTX "${UNKEY}" "NoRepair" 1
    SectionGetSize ${SectionApp} $0
    WriteRegDWORD SHCTX "${UNKEY}" "EstimatedSize" $0
SectionEnd

; The folder of the earlier version may be another now: its programs must not run either.
Function EnsureBeforeNotInUse
    ${If} $Before != ""
        StrCpy $2 $INSTDIR
        StrCpy $INSTDIR $Before
        Call EnsureNotInUse
        StrCpy $INSTDIR $2
    ${EndIf}
FunctionEnd

; Takes the earlier version out of a folder that Slotdeck is not in any more: only what a setup puts there.
Function LeaveBefore
    ${If} $Before == ""
        Return
    ${EndIf}
    ; One folder has many spellings: a file that is made in one is looked for in the other.
    GetTempFileName $0 "$INSTDIR"
    ${GetFileName} $0 $1
    ${If} $1 == ""
        Return
    ${EndIf}
    ${If} ${FileExists} "$Before\$1"
        ; The PATH and the registry hold the spelling that it had.
        Delete $0
        StrCpy $INSTDIR $Before
        Return
    ${EndIf}
    Delete $0
    ReadRegDWORD $0 SHCTX "${KEY}" "Path"
    ${If} $0 = 1
        ${PathOwner} $1
        ${Slotctl} 60 'path-remove $1 "$Before"'
        DeleteRegValue SHCTX "${KEY}" "Path"
    ${EndIf}
    StrCpy $2 $INSTDIR
    StrCpy $INSTDIR $Before
    ReadRegDWORD $0 SHCTX "${KEY}" "Association"
    ${If} $0 = 1
        Call RemoveAssociation
    ${EndIf}
    StrCpy $INSTDIR $2
    Delete "$Before\slotdeck.exe"
    Delete "$Before\slotctl.exe"
    Delete "$Before\LICENSE-MIT.txt"
    Delete "$Before\LICENSE-APACHE.txt"
    Delete "$Before\uninstall.exe"
    ; Only when empty: what is not ours stays.
    RMDir "$Before"
    ${If} $Before == "$LOCALAPPDATA\Programs\Slotdeck"
        RMDir "$LOCALAPPDATA\Programs"
    ${EndIf}
FunctionEnd

Section /o "$(PartDesktop)" SectionDesktop
SectionEnd

Section "$(PartPath)" SectionPath
SectionEnd

Section "$(PartFiles)" SectionFiles
SectionEnd

; What was chosen is made, and what an earlier setup made and is not wanted any more is taken back.
Section "-Parts"
    ${If} ${SectionIsSelected} ${SectionDesktop}
        CreateShortcut "$DESKTOP\Slotdeck.lnk" "$INSTDIR\slotdeck.exe" "" "" "" SW_SHOWNORMAL "" "$(Tooltip)"
        WriteRegDWORD SHCTX "${KEY}" "Desktop" 1
    ${Else}
        ReadRegDWORD $0 SHCTX "${KEY}" "Desktop"
        ${If} $0 = 1
            Delete "$DESKTOP\Slotdeck.lnk"
        ${EndIf}
        WriteRegDWORD SHCTX "${KEY}" "Desktop" 0
    ${EndIf}

    ${PathOwner} $1
    ${If} ${SectionIsSelected} ${SectionPath}
        ${Slotctl} 60 'path-add $1 "$INSTDIR"'
        ${If} $R0 == 0
            WriteRegDWORD SHCTX "${KEY}" "Path" 1
        ${Else}
            ${If} $R0 != ${SLOTCTL_UNNEEDED}
                DetailPrint "$(PathFailed)"
                DetailPrint "$R1"
            ${EndIf}
            ; An entry that this setup did not make is not its to take back.
            ReadRegDWORD $0 SHCTX "${KEY}" "Path"
            ${If} $0 != 1
                DeleteRegValue SHCTX "${KEY}" "Path"
            ${EndIf}
        ${EndIf}
    ${Else}
        ReadRegDWORD $0 SHCTX "${KEY}" "Path"
        ${If} $0 = 1
            ${Slotctl} 60 'path-remove $1 "$INSTDIR"'
        ${EndIf}
        WriteRegDWORD SHCTX "${KEY}" "Path" 0
    ${EndIf}

    ${If} ${SectionIsSelected} ${SectionFiles}
        WriteRegStr SHCTX "Software\Classes\${CLASS}" "" "$(FileKind)"
        WriteRegStr SHCTX "Software\Classes\${CLASS}\DefaultIcon" "" "$INSTDIR\slotdeck.exe,0"
        WriteRegStr SHCTX "Software\Classes\${CLASS}\shell\open\command" "" '"$INSTDIR\slotdeck.exe" --cluster-file "%1"'
        WriteRegStr SHCTX "Software\Classes\.slotdeck" "" "${CLASS}"
        WriteRegNone SHCTX "Software\Classes\.slotdeck\OpenWithProgids" "${CLASS}"
        WriteRegDWORD SHCTX "${KEY}" "Association" 1
    ${Else}
        ReadRegDWORD $0 SHCTX "${KEY}" "Association"
        ${If} $0 = 1
            Call RemoveAssociation
        ${EndIf}
        WriteRegDWORD SHCTX "${KEY}" "Association" 0
    ${EndIf}
    Call TellWindows
SectionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
    !insertmacro MUI_DESCRIPTION_TEXT ${SectionApp} "$(AboutApp)"
    !insertmacro MUI_DESCRIPTION_TEXT ${SectionDesktop} "$(AboutDesktop)"
    !insertmacro MUI_DESCRIPTION_TEXT ${SectionPath} "$(AboutPath)"
    !insertmacro MUI_DESCRIPTION_TEXT ${SectionFiles} "$(AboutFiles)"
!insertmacro MUI_FUNCTION_DESCRIPTION_END

; Takes the association of .slotdeck files back where it is still this installation's.
!macro RemoveAssociation UN
Function ${UN}RemoveAssociation
    Push $0
    ReadRegStr $0 SHCTX "Software\Classes\${CLASS}\shell\open\command" ""
    ${If} $0 == '"$INSTDIR\slotdeck.exe" --cluster-file "%1"'
        DeleteRegKey SHCTX "Software\Classes\${CLASS}"
        DeleteRegValue SHCTX "Software\Classes\.slotdeck\OpenWithProgids" "${CLASS}"
        DeleteRegKey /ifempty SHCTX "Software\Classes\.slotdeck\OpenWithProgids"
        ReadRegStr $0 SHCTX "Software\Classes\.slotdeck" ""
        ${If} $0 == "${CLASS}"
            DeleteRegValue SHCTX "Software\Classes\.slotdeck" ""
        ${EndIf}
        DeleteRegKey /ifempty SHCTX "Software\Classes\.slotdeck"
    ${EndIf}
    Pop $0
FunctionEnd
!macroend
!insertmacro RemoveAssociation ""
!insertmacro RemoveAssociation "un."

; Sets R0 to 1 when the command line has the option R0.
Function HasOption
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

!macro ChosenBefore VALUE SECTION
    ClearErrors
    ReadRegDWORD $0 SHCTX "${KEY}" "${VALUE}"
    ${IfNot} ${Errors}
        ${If} $0 = 1
            !insertmacro SelectSection ${SECTION}
        ${Else}
            !insertmacro UnselectSection ${SECTION}
        ${EndIf}
    ${EndIf}
!macroend

!macro Option NAME CHANGE SECTION
    StrCpy $R0 "${NAME}"
    Call HasOption
    ${If} $R0 = 1
        !insertmacro ${CHANGE} ${SECTION}
    ${EndIf}
!macroend

; Everything that follows from whom it is for: where it goes, and which parts; the command line has the last word.
Function ForWhom
    ${If} $Everyone = 1
        SetShellVarContext all
    ${Else}
        SetShellVarContext current
    ${EndIf}
    ReadRegStr $Before SHCTX "${UNKEY}" "InstallLocation"
    ${If} $Folder != ""
        StrCpy $INSTDIR $Folder
    ${ElseIf} $Before != ""
        StrCpy $INSTDIR $Before
    ${ElseIf} $Everyone = 1
        StrCpy $INSTDIR "$PROGRAMFILES64\Slotdeck"
    ${Else}
        StrCpy $INSTDIR "$LOCALAPPDATA\Programs\Slotdeck"
    ${EndIf}
    !insertmacro ChosenBefore "Desktop" ${SectionDesktop}
    !insertmacro ChosenBefore "Path" ${SectionPath}
    !insertmacro ChosenBefore "Association" ${SectionFiles}
    !insertmacro Option "/Desktop" SelectSection ${SectionDesktop}
    !insertmacro Option "/NoPath" UnselectSection ${SectionPath}
    !insertmacro Option "/NoAssociation" UnselectSection ${SectionFiles}
FunctionEnd

; Starts this setup again, with rights and for everyone. Sets R0 to how that ended.
Function SetupWithRights
    Push $0
    ${GetParameters} $0
    StrCpy $R0 "$0 /Elevated /AllUsers"
    ${If} $Folder != ""
        StrCpy $R0 "$R0 /D=$Folder"
    ${EndIf}
    Call RunWithRights
    Pop $0
FunctionEnd

; Sets Folder to what /D= names. NSIS itself takes it without quotes only; PowerShell and others put quotes around the
; whole of an option that holds a space.
Function NamedFolder
    StrCpy $Folder $INSTDIR
    ${If} $Folder != ""
        Return
    ${EndIf}
    ${GetParameters} $0
    StrCpy $1 0
    ${Do}
        StrCpy $2 $0 4 $1
        ${If} $2 == '"/D='
            IntOp $1 $1 + 4
            StrCpy $Folder $0 "" $1
            ${Do}
                StrCpy $2 $Folder 1 -1
                ${If} $2 != '"'
                ${AndIf} $2 != " "
                    ${ExitDo}
                ${EndIf}
                StrCpy $Folder $Folder -1
            ${Loop}
            ${ExitDo}
        ${EndIf}
        IntOp $1 $1 + 1
    ${LoopUntil} $2 == ""
FunctionEnd

Function .onInit
    Call NamedFolder
    StrCpy $Decided 1
    StrCpy $R0 "/AllUsers"
    Call HasOption
    StrCpy $Everyone $R0
    ${If} $Everyone = 0
        StrCpy $R0 "/CurrentUser"
        Call HasOption
        ${If} $R0 = 0
            ; As it was installed before; else for the one person.
            StrCpy $Decided 0
            ReadRegStr $0 HKCU "${UNKEY}" "InstallLocation"
            ReadRegStr $1 HKLM "${UNKEY}" "InstallLocation"
            ${If} $0 == ""
            ${AndIf} $1 != ""
                StrCpy $Everyone 1
            ${EndIf}
        ${EndIf}
    ${EndIf}
    ${If} $Everyone = 1
    ${AndIfNot} ${Silent}
    ${AndIf} $Decided = 0
        ; The first page asks, and then for the rights.
    ${ElseIf} $Everyone = 1
        Call HasRights
        ${If} $R0 = 0
            Call SetupWithRights
            SetErrorLevel $R0
            Quit
        ${EndIf}
    ${EndIf}
    Call ForWhom
FunctionEnd

Function ChoosePage
    ${If} $Decided = 1
        Abort
    ${EndIf}
    !insertmacro MUI_HEADER_TEXT "$(ChooseTitle)" "$(ChooseText)"
    nsDialogs::Create 1018
    Pop $Dialog
    ${NSD_CreateRadioButton} 10u 20u -10u 12u "$(ChooseMe)"
    Pop $0
    ${NSD_CreateRadioButton} 10u 38u -10u 12u "$(ChooseAll)"
    Pop $Box
    ${If} $Everyone = 1
        ${NSD_Check} $Box
    ${Else}
        ${NSD_Check} $0
    ${EndIf}
    ${If} $Before != ""
        ${NSD_CreateLabel} 10u 66u -10u 30u "$(ChooseUpgrade)"
        Pop $0
    ${EndIf}
    nsDialogs::Show
FunctionEnd

Function ChooseLeave
    ${NSD_GetState} $Box $Everyone
    ${If} $Everyone = 1
        Call HasRights
        ${If} $R0 = 0
            HideWindow
            Call SetupWithRights
            ${If} $R0 = ${EXIT_NO_RIGHTS}
                ShowWindow $HWNDPARENT ${SW_SHOW}
                MessageBox MB_OK|MB_ICONEXCLAMATION "$(NoRights)"
                Abort
            ${EndIf}
            SetErrorLevel $R0
            Quit
        ${EndIf}
    ${EndIf}
    Call ForWhom
FunctionEnd

; An upgrade stays where it is.
Function FolderPre
    ${If} $Before != ""
        Abort
    ${EndIf}
FunctionEnd

; A setup with rights must not hand them on to the window: Explorer starts it with the person's own.
Function StartSlotdeck
    ${If} $Everyone = 1
        Exec '"$WINDIR\explorer.exe" "$INSTDIR\slotdeck.exe"'
    ${Else}
        Exec '"$INSTDIR\slotdeck.exe"'
    ${EndIf}
FunctionEnd
